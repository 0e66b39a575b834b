"""Watching one child: its lines in, heartbeats out, and a reason to stop it (docs/adr, 2 and 5)."""

from __future__ import annotations

import logging
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from service.domain.errors import FenceLost, StorageFull, Unavailable
from worker.child import Child
from worker.output import last_line

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Limits:
    """How long things may take, in seconds.

    heartbeat_s: between two renewals of the lease. news_s: between two writes while the child talks. lease_s: how
    long a claim holds without a heartbeat. stall_s: how long a child may say nothing. grace_s: from SIGTERM to SIGKILL.
    exit_s: from the end of the output to the end of the process. tick_s: how quickly a wish to stop is seen.
    """

    heartbeat_s: float = 15.0
    news_s: float = 1.0
    lease_s: float = 60.0
    stall_s: float = 1800.0
    grace_s: float = 60.0
    exit_s: float = 20.0
    tick_s: float = 0.2


class Reason(StrEnum):
    """Why a child is gone. The first that applies is the one that counts, but LOST beats them all."""

    ENDED = "it ended by itself"
    CANCELLED = "the job was cancelled"
    DRAINED = "this worker shuts down"
    STALLED = "it said nothing for too long"
    LOST = "the work is no longer this worker's"


@dataclass(frozen=True)
class Ending:
    """code: the exit code, or minus the number of the signal that ended the child."""

    reason: Reason
    code: int

    def describe(self, stderr: Path) -> str:
        """One sentence for people, with the last words from the file of the child's standard error."""
        if self.reason is not Reason.ENDED:
            return f"the child was stopped: {self.reason}"
        how = f"was killed by {signal.Signals(-self.code).name}" if self.code < 0 else f"ended with code {self.code}"
        words = last_line(stderr)
        return f"the child {how}" + (f": {words}" if words else "")


class Listener(Protocol):
    """Whom a child works for: takes its lines and keeps the claim alive."""

    @property
    def news(self) -> bool:
        """Whether something was heard that should not wait for the next heartbeat."""
        ...

    def hear(self, line: str) -> None:
        """Take one line of the child's standard output, whatever it holds."""
        ...

    def beat(self) -> bool:
        """Renew the lease and hand over the news; True if the work is to be cancelled.

        Raises FenceLost when it is somebody else's, Unavailable or StorageFull when it may be tried again.
        """
        ...


class Supervision:
    """One child under watch, from its first line until its process group is gone."""

    def __init__(
        self,
        child: Child,
        listener: Listener,
        *,
        draining: Callable[[], bool],
        limits: Limits,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """draining: whether this worker was told to shut down. clock: seconds that only grow."""
        self._child = child
        self._listener = listener
        self._draining = draining
        self._limits = limits
        self._clock = clock
        self._heard_at = self._tried_at = self._held_at = clock()
        self._kill_at: float | None = None
        self._reason = Reason.ENDED

    def run(self) -> Ending:
        """Relay lines until there are no more, then reap the child."""
        while (lines := self._child.read(self._limits.tick_s)) is not None:
            self._hear(lines)
            self._beat()
            self._judge()
        return Ending(self._reason, self._child.wait(self._limits.exit_s))

    def _hear(self, lines: list[str]) -> None:
        for line in lines:
            self._listener.hear(line)
        if lines:
            self._heard_at = self._clock()

    def _beat(self) -> None:
        now = self._clock()
        pause_s = self._limits.news_s if self._listener.news else self._limits.heartbeat_s
        if self._reason is Reason.LOST or now - self._tried_at < pause_s:
            return
        self._tried_at = now
        try:
            if self._listener.beat():
                self._ask_to_stop(Reason.CANCELLED)
            self._held_at = now  # taken before the call: the store's lease ends later than this, never earlier
        except FenceLost:
            self._give_up()
        except (Unavailable, StorageFull) as error:
            log.warning("heartbeat failed, trying again: %s", error)

    def _judge(self) -> None:
        now = self._clock()
        if now - self._held_at > self._limits.lease_s:
            self._give_up()  # unheard for so long, the store has given the work to somebody else
        if self._draining():
            self._ask_to_stop(Reason.DRAINED)
        if now - self._heard_at > self._limits.stall_s:
            self._ask_to_stop(Reason.STALLED)
        if self._kill_at is not None and now > self._kill_at:
            self._child.kill()

    def _ask_to_stop(self, reason: Reason) -> None:
        if self._reason is Reason.ENDED:
            log.info("stopping child %d: %s", self._child.pid, reason)
            self._reason = reason
            self._kill_at = self._clock() + self._limits.grace_s
            self._child.ask_to_stop()

    def _give_up(self) -> None:
        if self._reason is not Reason.LOST:
            log.warning("killing child %d: %s", self._child.pid, Reason.LOST)
        self._reason = Reason.LOST
        self._child.kill()
