"""Workers in the shape of the wire."""

from __future__ import annotations

from dataclasses import asdict

from service import schemas
from service.domain import workers


def worker(value: workers.Worker) -> schemas.Worker:
    """A process that works."""
    return schemas.Worker.model_validate(asdict(value) | {"holds": list(value.holds)})
