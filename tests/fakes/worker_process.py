"""A real worker process, with the fake trainer unless asked for the real one, and the means to hurt it."""

from __future__ import annotations

import contextlib
import os
import shlex
import signal
import sqlite3
import subprocess
import sys
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Self

from sqlalchemy import make_url

from fakes.records import TRAINER
from fakes.waiting import DEADLINE_S, wait_for
from service.domain.jobs import Job
from service.domain.lifecycle import Change
from service.wiring import Service


class WorkerProcess:
    """`python -m worker`. Its lease is long: tests say themselves when one has run out (:func:`expire_lease`)."""

    def __init__(
        self, home: Path, *trainer_options: str, celery: bool = False, real: bool = False, **settings: object
    ) -> None:
        """real: with the trainer of the product. settings: of service/settings.py; heartbeats are quick by default."""
        self.trace, self.log = home / "trace", home / "worker.log"
        variables = {"home": home, "heartbeat_s": 0.2, "poll_s": 0.1, **settings}
        trainer = [*TRAINER, "--trace", str(self.trace), *trainer_options]
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [
                    *("env", *(f"BPKD_{name.upper()}={value}" for name, value in variables.items())),
                    *(sys.executable, "-m", "worker"),
                    *([] if real else ["--trainer", shlex.join(trainer)]),
                    *(["--celery"] if celery else []),
                ],
                stdout=log,
                stderr=log,
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End it, and the children that it would leave if its leash were broken."""
        children = self._children()
        self.send(signal.SIGKILL)
        self._process.wait(DEADLINE_S)
        for pid in children:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def send(self, number: signal.Signals) -> None:
        """A signal to the worker alone."""
        self._process.send_signal(number)

    def freeze(self, service: Service) -> None:
        """SIGSTOP, but not in the middle of a write: SQLite's lock is held by whoever stopped there, for ever."""
        database = Path(make_url(service.settings.database).database or "")
        while True:
            self.send(signal.SIGSTOP)
            if can_write(database):
                return
            self.send(signal.SIGCONT)

    def wait(self) -> int:
        """Its exit code, once it has ended by itself."""
        return self._process.wait(DEADLINE_S)

    def steps(self) -> list[int]:
        """Every step that any trainer has done in this home, in order."""
        return [step for step, _ in self._traced()]

    def trainers(self) -> list[int]:
        """The process id that did each step."""
        return [pid for _, pid in self._traced()]

    def wait_for_step(self, step: int) -> int:
        """Until a trainer has done this step; its process id."""
        wait_for(lambda: step in self.steps(), f"step {step}; the worker says: {self.said()}")
        return self.trainers()[self.steps().index(step)]

    def said(self) -> str:
        """Its log."""
        return self.log.read_text()

    def _children(self) -> list[int]:
        threads = Path(f"/proc/{self._process.pid}/task").glob("*/children")
        return [int(pid) for thread in threads for pid in thread.read_text().split()]

    def _traced(self) -> list[tuple[int, int]]:
        if not self.trace.exists():
            return []
        lines = self.trace.read_text().splitlines()
        return [(int(step), int(pid)) for step, pid in (line.split() for line in lines)]


def can_write(database: Path) -> bool:
    """Whether nobody holds the write lock at this moment."""
    with contextlib.closing(sqlite3.connect(database, timeout=0, isolation_level=None)) as connection:
        try:
            connection.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError:
            return False
        connection.execute("ROLLBACK")
        return True


def expire_lease(service: Service, job: Job) -> None:
    """Let the store's clock pass the end of a lease: its holder was silent for too long."""

    def expire(record: Job, now: datetime) -> Change:
        return Change(record.evolve(lease=replace(record.lease, until=now)))

    service.jobs.change(job.id, expire, fence=None)
