"""A worker's check lane in this process, for as long as a block lasts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from service.wiring import Service
from worker.checking import Checking
from worker.health import Pulse
from worker.runner import TRAINER, Runner
from worker.supervision import Limits

LIMITS = Limits(heartbeat_s=0.05, news_s=0, tick_s=0.02)


def checking(service: Service, command: Sequence[str] = TRAINER) -> Checking:
    """The lane. command: the real validator, unless another one is asked for."""
    ports = service.datasets, service.dataset_folders, service.artifacts, service.hints
    return Checking(*ports, service.settings.home / "checks", command, LIMITS)


@contextmanager
def checker(service: Service, command: Sequence[str] = TRAINER) -> Iterator[None]:
    """A lane that takes every dataset as it comes. It must end well: whatever a file did, the worker lives."""
    runner = Runner(Pulse(service), {"check": checking(service, command)}, poll_s=0.05, heartbeat_s=0.5)
    runner.start()
    try:
        yield
    finally:
        runner.stop()
        lived = runner.join()
    assert lived
