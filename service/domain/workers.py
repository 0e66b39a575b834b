"""The processes that work: each tells now and then that it lives."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class Worker:
    """One worker process. holds: ids of the jobs and datasets it works on. seen_at: by the store's clock."""

    id: str
    host: str
    pid: int
    version: str
    started_at: datetime
    seen_at: datetime
    holds: tuple[str, ...] = ()
