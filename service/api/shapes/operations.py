"""Workers in the shape of the wire."""

from __future__ import annotations

from dataclasses import asdict

from service import schemas
from service.domain import workers
from service.domain.ports import Census


def queue(census: Census, workers: int) -> schemas.Queue:
    """What waits and what runs."""
    jobs = census.jobs
    return schemas.Queue(
        queued=jobs.get("queued", 0), running=jobs.get("running", 0), oldest_s=census.oldest_s, workers=workers
    )


def worker(value: workers.Worker) -> schemas.Worker:
    """A process that works."""
    return schemas.Worker.model_validate(asdict(value) | {"holds": list(value.holds)})
