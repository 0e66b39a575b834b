"""API and worker as children of one process: started, watched, started again when they die, stopped in good order.

::

    bpkd up ──> python -m service.api         one of them killed: started again, work goes on where it was
            └─> python -m worker ──> trainer  this process killed: the kernel ends them all, none is left behind
"""

from __future__ import annotations

import contextlib
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from threading import Thread

import httpx

from service.cli.children import Child, StartFailed, module_command

TICK_S = 0.2
MODULES = {"api": "service.api", "worker": "worker"}


@dataclass(frozen=True)
class Plan:
    """What to run and where. commands: one for each child, by its name. logs: a folder, with a file for each.

    drain_s: how long they get to finish what they have begun.
    """

    url: str
    logs: Path
    commands: Mapping[str, Sequence[str]]
    drain_s: float = 75.0

    @classmethod
    def of(cls, home: Path, url: str, variables: Mapping[str, str | None], **options: float) -> Plan:
        """API and worker under these settings, by the names of their variables; None takes one away."""
        commands = {name: module_command(module, variables) for name, module in MODULES.items()}
        return cls(url, home / "logs", commands, **options)


@dataclass
class Supervisor:
    """Runs the children of a plan until it is told to stop; they end with the thread that calls `run`."""

    plan: Plan
    _stops: int = field(default=0, init=False)

    def stop(self) -> None:
        """Ask them to finish; a second time: at once. Safe in a signal handler."""
        self._stops += 1

    def run(self, ready: Callable[[str], None] = lambda _: None) -> None:
        """Serve until :meth:`stop`. ready: called with the URL as soon as requests are welcome.

        Raises StartFailed when a child ends before that; later it is started again.
        """
        children: list[Child] = []
        try:
            for name, command in self.plan.commands.items():
                children.append(Child(name, command, self.plan.logs / f"{name}.log"))
            self._start(children, ready)
            while not self._stops:
                for child in children:
                    child.watch()
                time.sleep(TICK_S)
        finally:
            self._drain([child.process for child in children])

    def _start(self, children: Sequence[Child], ready: Callable[[str], None]) -> None:
        while not self._stops:
            for child in children:
                child.raise_if_dead()
            if self._answers():
                ready(self.plan.url)
                return
            time.sleep(TICK_S)

    def _answers(self) -> bool:
        try:  # a refusal, of a Host that is not allowed, say, comes from a server that is ready
            return httpx.get(f"{self.plan.url}/readyz", timeout=5, trust_env=False).status_code < 500
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
        except BaseException as error:
            started.set_exception(error)
        else:
            if not started.done():
                started.set_exception(StartFailed("The service was stopped before it was ready"))

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
    asked = signal.SIGTERM, signal.SIGINT
    before = {number: signal.signal(number, lambda *_: supervisor.stop()) for number in asked}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
