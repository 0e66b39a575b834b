"""The server and its workers on the wire."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from service.schemas.base import Wire


class Worker(Wire):
    """A process that works. holds: ids of its jobs and datasets."""

    object: Literal["worker"] = "worker"
    id: str
    host: str
    pid: int
    version: str
    started_at: datetime
    seen_at: datetime
    holds: list[str]


class Queue(Wire):
    """What waits and what runs. oldest_s: since when the oldest queued job waits. workers: seen in the last minute."""

    object: Literal["queue"] = "queue"
    queued: int
    running: int
    oldest_s: float | None
    workers: int


class Health(Wire):
    """All is well; a problem says otherwise."""

    object: Literal["health"] = "health"
    status: Literal["ok"] = "ok"


class ServerVersion(Wire):
    """What runs here."""

    object: Literal["version"] = "version"
    version: str
    api: Literal["v1"] = "v1"
    onnx_contract: str
