"""Records as the API would have made them, put straight into a store."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from bpkd_core.data import fingerprint
from service.domain.datasets import Dataset
from service.domain.jobs import Job
from service.domain.submission import draft_job, register, submit
from service.wiring import Service

TRAINER = (sys.executable, str(Path(__file__).with_name("trainer.py")))
"""The fake trainer as a command."""


def add_dataset(service: Service, path: Path | str = "/data/streets", **fields: Any) -> Dataset:
    """One that waits for its validation."""
    dataset = Dataset(service.new_id("ds"), "streets", str(path), service.now(), **fields)
    return register(service.datasets, service.hints, dataset)


def add_ready_dataset(service: Service, path: Path | str = "/data/streets") -> Dataset:
    """One that has passed it. Where there are no files, nobody will compare them with the hash."""
    sha256 = fingerprint(path) if Path(path).is_dir() else "d" * 64
    found = {"report": {"ok": True}, "sha256": sha256, "checked_at": service.now()}
    return service.datasets.add(
        Dataset(service.new_id("ds"), "streets", str(path), service.now(), state="ready", **found)
    )


def add_job(service: Service, *, data: Path | str = "/data/streets", **request: Any) -> Job:
    """One that waits for a worker."""
    dataset = add_ready_dataset(service, data)
    body = {"name": "streets", "student": {"type": "arch", "arch": "ddrnet_23_nano"}, **request}
    job = draft_job(body, dataset, job_id=service.new_id("job"), now=service.now())
    return submit(service.jobs, service.hints, job)


def event_types(service: Service, job: Job) -> list[str]:
    """The types of a job's events, in order."""
    return [event.type for event in service.events.after(job.id, limit=1000)]
