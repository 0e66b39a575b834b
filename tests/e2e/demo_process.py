"""`bpkd demo` as a person starts it, and the means to look at it and to hurt it."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import psutil
from fakes.waiting import wait_for

FINISH_S = 90.0
SETTINGS = {"OMP_NUM_THREADS": "1", "BPKD_LEASE_S": "10", "BPKD_HEARTBEAT_S": "2", "BPKD_POLL_S": "0.5"}


class DemoProcess:
    """A demo with JSON as its answer, its progress in a file. All that it started ends with the block."""

    def __init__(self, home: Path, *options: str) -> None:
        self.home = home
        self._answer, self._progress = home.with_suffix(".json"), home.with_suffix(".log")
        command = [sys.executable, "-m", "service.cli", "demo", "--home", str(home), "--json", *options]
        with self._answer.open("wb") as answer, self._progress.open("wb") as progress:
            environment = {**os.environ, **SETTINGS}  # noqa: TID251  # the tests are nobody's settings
            self._process = subprocess.Popen(command, env=environment, stdout=answer, stderr=progress)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.wait(FINISH_S)

    def said(self) -> str:
        """Its progress so far."""
        return self._progress.read_text()

    def url(self) -> str:
        """Where it serves, once it does."""
        found = wait_for(lambda: re.search(r"Serving at (\S+),", self.said()), f"a server; it says: {self.said()}")
        return found[1]

    def answer(self) -> dict[str, Any]:
        """What it printed, once it has: a single line."""
        (line,) = wait_for(lambda: self._answer.read_text().splitlines(), "the answer", FINISH_S)
        return json.loads(line)

    def wait(self, at_most_s: float) -> int:
        """Its exit status."""
        return self._process.wait(at_most_s)

    def stop(self) -> int:
        """SIGTERM; its exit status."""
        self._process.terminate()
        return self._process.wait(FINISH_S)

    def kill(self, module: str) -> None:
        """SIGKILL for the descendant that runs this module."""
        family = psutil.Process(self._process.pid).children(recursive=True)
        (victim,) = (each for each in family if module in each.cmdline())
        victim.send_signal(signal.SIGKILL)

    def survivors(self) -> list[int]:
        """Processes that still work for this home."""
        return [each.pid for each in psutil.process_iter(["environ"]) if self._is_ours(each.info["environ"])]

    def _is_ours(self, environment: dict[str, str] | None) -> bool:
        return (environment or {}).get("BPKD_HOME") == str(self.home)
