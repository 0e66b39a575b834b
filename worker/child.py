"""One child process: started on a leash, read line by line, stopped politely and then for certain."""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Self, cast

from bpkd_core.leash import leashed
from worker.output import Lines

MAX_LOG_BYTES = 64 << 20
"""A log that grows beyond this starts afresh: a child gone wild must not fill the disk."""

_READ_BYTES = 1 << 16
_REAP_S = 10.0  # SIGKILL needs milliseconds, unless the process waits for a dead disk


class Child:
    """A process in a session of its own, so that one signal reaches it and all that it starts.

    Its standard output is read through :meth:`read`, its standard error goes to a file. Leaving the `with` block
    kills what is left of the group. Only the thread that made it may use it (see :func:`bpkd_core.leash.leashed`).
    """

    def __init__(self, command: Sequence[str], *, folder: Path, log: Path) -> None:
        """Start the command in `folder`, with standard error appended to `log`."""
        with log.open("ab") as errors:
            self._process = subprocess.Popen(  # noqa: S603  # a command of ours, without a shell
                leashed(command),
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=errors,
                start_new_session=True,
                bufsize=0,
            )
        self._log = log
        self._output = cast("IO[bytes]", self._process.stdout)  # a pipe was asked for
        self._lines = Lines()
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._output, selectors.EVENT_READ)

    @property
    def pid(self) -> int:
        """Process id, which is also the id of its process group."""
        return self._process.pid

    @property
    def exited(self) -> bool:
        """Whether the process has ended; members of its group may still live."""
        return self._process.poll() is not None

    def read(self, timeout_s: float) -> list[str] | None:
        """Whole lines of standard output, waiting up to `timeout_s` for the first byte; None once there are no more.

        There are no more at the end of the output, or when the process has exited and the pipe is dry: a grandchild
        may hold the pipe open for ever.
        """
        with contextlib.suppress(FileNotFoundError):  # the child lives in that folder and may sweep it
            if self._log.stat().st_size > MAX_LOG_BYTES:
                os.truncate(self._log, 0)
        if not self._selector.select(timeout_s):
            return None if self.exited else []
        block = os.read(self._output.fileno(), _READ_BYTES)
        return self._lines.feed(block) if block else None

    def ask_to_stop(self) -> None:
        """SIGTERM to the process alone: it knows how to wind up its own children."""
        self._process.terminate()

    def kill(self) -> None:
        """SIGKILL to the whole group."""
        with contextlib.suppress(ProcessLookupError, PermissionError):  # nobody left
            os.killpg(self.pid, signal.SIGKILL)

    def wait(self, timeout_s: float) -> int:
        """Exit code (minus the signal's number if one ended it), killing the group after `timeout_s` at the latest."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout_s)
        self.kill()  # also what has outlived a process that ended by itself
        return self._process.wait(_REAP_S)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.wait(0)
        self._selector.close()
        self._output.close()
