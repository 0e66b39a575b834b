"""What a worker owes the others: a sign of life, and taking back what dead workers held."""

from __future__ import annotations

import os
import secrets
import socket
import time
from collections.abc import Callable
from dataclasses import replace
from importlib.metadata import version

from service.domain.errors import StorageFull, Unavailable
from service.domain.submission import reap
from service.domain.workers import Worker
from service.wiring import Service
from worker import meters


class Deaf(Exception):
    """Hints wait at the broker and do not reach this process, although the broker answers."""


class Pulse:
    """Beats once a heartbeat, beside the lanes. A worker whose pulse fails is of no use and must be restarted."""

    def __init__(
        self,
        service: Service,
        *,
        waiting: Callable[[], int | None] = lambda: 0,
        tidy: Callable[[], object] = lambda: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """waiting: how many hints wait at the broker; None while it is away. tidy: what else is done now and then.

        clock: seconds that only grow.
        """
        now, host = service.now(), socket.gethostname()
        self._service = service
        self._clock = clock
        self._waiting, self._tidy = waiting, tidy
        self._answered_at = self._heard_at = clock()
        self._worker = Worker(
            id=f"{host}-{os.getpid()}-{secrets.token_hex(4)}",
            host=host,
            pid=os.getpid(),
            version=version("bpkd"),
            started_at=now,
            seen_at=now,
        )

    @property
    def worker_id(self) -> str:
        """Unique for each process, so that a restarted worker is another owner."""
        return self._worker.id

    def beat(self, holds: tuple[str, ...]) -> bool:
        """Write this worker's row and run the reaper; True if there may be new work.

        A database that is away is borne for as long as a lease: by then the claims are lost in any case. Raises
        Unavailable or StorageFull after that, and Deaf when hints have waited for as long and none was heard.
        """
        self._listen()
        service = self._service
        try:
            service.workers.beat(replace(self._worker, holds=holds))
            moved = reap(service.jobs, service.datasets, service.teachers, service.hints)
            self._tidy()
        except (Unavailable, StorageFull):
            if self._clock() - self._answered_at > service.settings.lease_s:
                raise
            return False
        meters.takeovers.inc(len(moved))
        self._answered_at = self._clock()
        return bool(moved)

    def heard(self) -> None:
        """A hint has come through."""
        self._heard_at = self._clock()

    def _listen(self) -> None:
        """A broker's client may stop to consume without a word; the polls go on, and nobody would ever know."""
        if not (waiting := self._waiting()):
            self.heard()
        elif self._clock() - self._heard_at > self._service.settings.lease_s:
            raise Deaf(
                f"{waiting} hints wait at the broker, and none has come here for {self._clock() - self._heard_at:g} s"
            )

    def leave(self) -> None:
        """Take this worker off the list."""
        self._service.workers.leave(self._worker.id)
