"""API and worker as children of one process: started, watched, started again when they die, stopped in good order.

::

    bpkd up ──> python -m service.api         one of them killed: started again, work goes on where it was
            └─> python -m worker ──> trainer  this process killed: the kernel ends them all, none is left behind
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from threading import Thread

import httpx

from bpkd_core.errors import BpkdError

TICK_S = 0.2
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.5, 10.0
SOUND_S = 30.0  # a child that lived this long died of something new
MAX_LOG_BYTES = 64 << 20
MODULES = {"api": "service.api", "worker": "worker"}


class StartFailed(BpkdError):
    """API or worker ended before it was ready."""

    code = "start_failed"


@dataclass(frozen=True)
class Plan:
    """Where and how. variables: settings for the children, by the name of their variable; None takes one away.

    drain_s: how long they get to finish what they have begun.
    """

    home: Path
    url: str
    variables: Mapping[str, str | None]
    drain_s: float = 75.0

    @property
    def logs(self) -> Path:
        """Where the children's logs are."""
        return self.home / "logs"


class Child:
    """API or worker: one process at a time, the next one after a pause that doubles while they die young."""

    def __init__(self, name: str, plan: Plan) -> None:
        self.name = name
        self.log = plan.logs / f"{name}.log"
        self._command = leashed(module_command(MODULES[name], plan.variables))
        self._pause_s = FIRST_PAUSE_S
        self._begin()

    def watch(self) -> None:
        """Start it again if it is dead and its pause is over."""
        if self.process.poll() is None:
            return
        now = time.monotonic()
        if self._again_at is None:
            self._pause_s = FIRST_PAUSE_S if now - self._born_at > SOUND_S else self._pause_s
            self._again_at = now + self._pause_s
            self._pause_s = min(2 * self._pause_s, LONGEST_PAUSE_S)
        elif now >= self._again_at:
            self._begin()

    def raise_if_dead(self) -> None:
        """Raise StartFailed with its last words."""
        code = self.process.poll()
        if code is not None:
            words = last_words(self.log, self._log_start) or f"it ended with code {code}; see {self.log}"
            raise StartFailed(f"The {self.name} did not start: {words}")

    def _begin(self) -> None:
        self.log.parent.mkdir(parents=True, exist_ok=True)
        if self.log.exists() and self.log.stat().st_size > MAX_LOG_BYTES:
            self.log.replace(self.log.with_suffix(".log.old"))
        with self.log.open("ab") as log:
            self._log_start = log.tell()
            self.process = subprocess.Popen(  # noqa: S603  # a command of ours, without a shell
                self._command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )
        self._born_at, self._again_at = time.monotonic(), None


class Supervisor:
    """Runs both until it is told to stop. `run` starts the children, and the kernel ends them with its thread."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self._stops = 0

    def stop(self) -> None:
        """Ask both to finish; a second time: at once. Safe in a signal handler."""
        self._stops += 1

    def run(self, ready: Callable[[str], None] = lambda _: None) -> None:
        """Serve until :meth:`stop`. ready: called with the URL as soon as requests are welcome.

        Raises StartFailed when one of them ends before that; later it is started again.
        """
        children: list[Child] = []
        try:
            for name in MODULES:
                children.append(Child(name, self.plan))
            while not self._stops and not self._answers():
                for child in children:
                    child.raise_if_dead()
                time.sleep(TICK_S)
            if not self._stops:
                ready(self.plan.url)
            while not self._stops:
                for child in children:
                    child.watch()
                time.sleep(TICK_S)
        finally:
            self._drain([child.process for child in children])

    def _answers(self) -> bool:
        try:
            return httpx.get(f"{self.plan.url}/readyz", timeout=5, trust_env=False).is_success
        except httpx.TransportError:
            return False

    def _drain(self, processes: Sequence[subprocess.Popen[bytes]]) -> None:
        for process in processes:
            process.terminate()
        give_up_at = time.monotonic() + self.plan.drain_s
        while any(process.poll() is None for process in processes):
            if self._stops > 1 or time.monotonic() > give_up_at:
                for process in processes:
                    process.kill()
            time.sleep(TICK_S / 4)


@contextlib.contextmanager
def running(supervisor: Supervisor) -> Iterator[str]:
    """The URL of a service that runs in the background of this block. Raises StartFailed."""
    started: Future[str] = Future()

    def work() -> None:
        try:
            supervisor.run(started.set_result)
            if not started.done():
                started.set_exception(StartFailed("The service was stopped before it was ready"))
        except BaseException as error:
            started.set_exception(error)

    thread = Thread(target=work, name="supervisor")
    thread.start()
    try:
        yield started.result()
    finally:
        supervisor.stop()
        try:
            thread.join()
        except KeyboardInterrupt:  # a second Ctrl-C: now
            supervisor.stop()
            thread.join()


@contextlib.contextmanager
def stopped_by_signals(supervisor: Supervisor) -> Iterator[None]:
    """Inside this block SIGTERM and SIGINT ask the supervisor to stop."""
    before = {number: signal.signal(number, lambda *_: supervisor.stop()) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def module_command(module: str, variables: Mapping[str, str | None]) -> list[str]:
    """`python -m module` under other settings. `env` passes them on, since only service/settings.py reads them here.

    -P: a folder `worker` or `service` where the command is typed must not be taken for ours.
    """
    without = [f"-u{name}" for name, value in variables.items() if value is None]
    values = [f"{name}={value}" for name, value in variables.items() if value is not None]
    return ["env", *without, *values, sys.executable, "-P", "-m", module]


def leashed(command: Sequence[str]) -> list[str]:
    """The command, ended by the kernel with the thread that starts it. Run, as no import may lead to the worker."""
    return [sys.executable, "-P", "-m", "worker.leash", str(os.getpid()), *command]


def free_port(host: str = "127.0.0.1") -> int:
    """A port that nobody listens on now. Chosen here, because it must outlive restarts of the API."""
    with socket.create_server((host, 0)) as listener:
        return listener.getsockname()[1]


def url_for(host: str, port: int) -> str:
    """How this machine reaches a server that listens on `host`."""
    name = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104  # read, not bound
    return f"http://[{name}]:{port}" if ":" in name else f"http://{name}:{port}"


def last_words(log: Path, start: int) -> str:
    """The last two lines of plain text that a child wrote after `start`; JSON lines are its ordinary log."""
    text = log.read_bytes()[start:].decode("utf-8", "replace")
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("{")]
    return " ".join(lines[-2:])
