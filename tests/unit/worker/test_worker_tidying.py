from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pytest
from fakes.records import add_job

from service.domain.submission import cancel
from service.wiring import Service
from worker.tidying import Tidying
from worker.workspace import open_workspace

WEEK, HOUR = timedelta(days=7), timedelta(hours=1)


class Clock:
    """A time that a test moves."""

    def __init__(self, service: Service) -> None:
        self.now = service.now()

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock(service: Service) -> Clock:
    return Clock(service)


@pytest.fixture
def tidying(service: Service, clock: Clock, tmp_path: Path) -> Tidying:
    return Tidying(service.jobs, tmp_path / "jobs", clock, keep=WEEK, every=HOUR)


def test_the_folder_of_a_cancelled_job_stays_for_its_days_and_then_goes(
    service: Service, clock: Clock, tidying: Tidying, tmp_path: Path
) -> None:
    """A retry goes on from it; but nobody comes back for a disk full of failures."""
    ended, waiting = cancel(service.jobs, add_job(service).id), add_job(service)
    for job in (ended, waiting):
        open_workspace(tmp_path / "jobs", job.id, 1)
    clock.now += WEEK - HOUR
    assert tidying.tidy() == []
    clock.now += 2 * HOUR
    assert tidying.tidy() == [ended.id]
    assert [folder.name for folder in (tmp_path / "jobs").iterdir()] == [waiting.id]


def test_folders_are_looked_at_now_and_then(service: Service, clock: Clock, tidying: Tidying, tmp_path: Path) -> None:
    """Not with every heartbeat: each look asks the store for every folder's job."""
    assert tidying.tidy() == []
    open_workspace(tmp_path / "jobs", "job_unknown", 1)
    assert tidying.tidy() == []
    clock.now += HOUR
    assert tidying.tidy() == ["job_unknown"]
