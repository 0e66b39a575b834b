"""Folders of jobs that ended without a model: kept for a while, because a retry goes on from them, and then removed."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

from service.domain.errors import NotFound
from service.domain.ports import Jobs
from worker.workspace import close_workspace

log = logging.getLogger(__name__)


class Tidying:
    """The folders of one machine. keep: how long one stays after the end of its job."""

    def __init__(
        self, jobs: Jobs, root: Path, now: Callable[[], datetime], *, keep: timedelta, every: timedelta
    ) -> None:
        self._jobs, self._root, self._now = jobs, root, now
        self._keep, self._every = keep, every
        self._due_at = now()

    def tidy(self) -> list[str]:
        """Remove what is due, unless that was looked at a moment ago; the jobs whose folders went."""
        now = self._now()
        if now < self._due_at:
            return []
        self._due_at = now + self._every
        gone = [folder.name for folder in self._root.glob("job_*") if self._is_due(folder.name, now)]
        for job_id in gone:
            log.info("the folder of %s is removed", job_id)
            close_workspace(self._root, job_id)
        return gone

    def _is_due(self, job_id: str, now: datetime) -> bool:
        """A job that nobody knows has nobody to go on with it."""
        try:
            job = self._jobs.get(job_id)
        except NotFound:
            return True
        return job.finished_at is not None and job.finished_at + self._keep <= now
