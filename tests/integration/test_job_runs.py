"""Jobs with the real trainer behind the real API: gone on with, run again, compared."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fakes.services import memory_service
from fakes.specks import install, speck_train, write_specks
from starlette.testclient import TestClient

from service.api import create_app
from service.domain import submission
from service.domain.jobs import Job
from service.wiring import Service
from worker.checking import Checking
from worker.lane import Lane
from worker.runner import TRAINER
from worker.supervision import Limits
from worker.training import Training

pytestmark = pytest.mark.timeout(900)  # five processes, three of which load torch, on a machine that may be busy
LIMITS = Limits(heartbeat_s=0.1, news_s=0, tick_s=0.02)


@pytest.fixture
def service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Service:
    """Its data, and the small networks in this process and in its children."""
    package = [str(folder) for folder in install(tmp_path / "package")]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(package))
    for folder in package:
        monkeypatch.syspath_prepend(folder)
    write_specks(tmp_path / "scenes")
    return memory_service(tmp_path / "home", import_roots=(tmp_path,))


@pytest.fixture
def api(service: Service) -> Iterator[TestClient]:
    with TestClient(create_app(service)) as client:
        yield client


def work(lane: Lane[Any], draining: Callable[[], bool] = lambda: False) -> None:
    held = lane.claim("worker-1")
    assert held is not None
    lane.work(held, draining)


@pytest.fixture
def train(service: Service) -> Training:
    home = service.settings.home
    return Training(
        service.jobs,
        service.datasets,
        service.teachers,
        service.artifacts,
        service.hints,
        home / "jobs",
        TRAINER,
        LIMITS,
    )


@pytest.fixture
def dataset(api: TestClient, service: Service, tmp_path: Path) -> str:
    """Registered and checked, as everybody's."""
    found = api.post("/v1/datasets", json={"name": "scenes", "path": str(tmp_path / "scenes")}).json()["id"]
    checks = service.settings.home / "checks"
    work(
        Checking(
            service.datasets,
            service.dataset_folders,
            service.artifacts,
            service.hints,
            checks,
            (sys.executable, "-P", "-m", "bpkd_core"),
            LIMITS,
        )
    )
    assert service.datasets.get(found).state == "ready"
    return found


def ended(api: TestClient, job_id: str) -> dict[str, Any]:
    job = api.get(f"/v1/jobs/{job_id}").json()
    assert job["status"] == "succeeded", job["error"]
    return job


def test_a_retry_goes_on_and_a_repeat_gives_the_same_numbers(
    api: TestClient, service: Service, train: Training, dataset: str
) -> None:
    """What three words promise: nothing is paid twice, and a manifest is enough to have the result again."""
    body = {
        "dataset": dataset,
        "student": {"arch": "speck"},
        "teacher": {"type": "train", "arch": "speck_teacher"},
        "train": speck_train(steps=30),
        "control": "none",
    }
    first = api.post("/v1/jobs", json=body).json()["id"]

    def cancel_in_training() -> bool:
        if (mark := service.jobs.get(first).checkpoint) and (mark.stage, mark.step >= 4) == ("training_student", True):
            submission.cancel(service.jobs, first)
        return False

    work(train, cancel_in_training)
    stopped = service.jobs.get(first)
    assert (stopped.status, stopped.checkpoint and stopped.checkpoint.stage) == ("cancelled", "training_student")
    assert "student-best.safetensors" in stopped.files
    assert api.get(f"/v1/jobs/{first}/checkpoints").json()["data"][-1]["newest"]

    again = api.post(f"/v1/jobs/{first}/retry").json()["id"]
    work(train)
    ended(api, again)
    assert first_step(service.jobs.get(again), service) > 4
    pictures = api.get(f"/v1/jobs/{again}/previews").json()["data"]
    assert api.get(pictures[-1]["url"]).content.startswith(b"\x89PNG")
    assert "training_student finished" in api.get(f"/v1/jobs/{again}/logs").text

    manifest = api.get(f"/v1/jobs/{again}/manifest").json()
    repeated = api.post("/v1/jobs", json={"from_manifest": manifest}).json()["id"]
    work(train)
    assert ended(api, repeated)["request"]["dataset_sha256"] == service.datasets.get(dataset).sha256
    diff = api.get(f"/v1/jobs/{again}/diff", params={"other": repeated}).json()["differences"]
    paths = {each["path"] for each in diff}
    times = {path for path in paths if ".latency." in path or path.endswith(".train_seconds")}
    assert paths - times <= {"request.dataset_sha256"}


def first_step(job: Job, service: Service) -> int:
    """Where the student's training began in this job."""
    told = service.events.after(job.id, limit=1000, types=("metrics",))
    return min(event.data["step"] for event in told if event.data["stage"] == "training_student")
