"""A worker's probe lane in this process, for as long as a block lasts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from fakes.records import TRAINER
from service.wiring import Service
from worker.health import Pulse
from worker.probing import Probing
from worker.runner import Runner
from worker.supervision import Limits

LIMITS = Limits(tick_s=0.02)


def probing(service: Service, command: Sequence[str] = TRAINER, *, limits: Limits = LIMITS) -> Probing:
    """The lane. command: the fake trainer, unless another one is asked for."""
    stores = service.teachers, service.datasets, service.artifacts, service.hints
    folder = service.settings.home / "probes"
    return Probing(*stores, folder, command, limits, service.settings.probe_timeout_s)


def probe_next(service: Service) -> None:
    """Probe the oldest teacher that waits."""
    lane = probing(service)
    held = lane.claim("worker-1")
    assert held is not None
    lane.work(held, lambda: False)


@contextmanager
def prober(service: Service, command: Sequence[str] = TRAINER) -> Iterator[None]:
    """A lane that takes every teacher as it comes. It must end well: whatever a file did, the worker lives."""
    runner = Runner(Pulse(service), {"probe": probing(service, command)}, poll_s=0.05, heartbeat_s=0.5)
    runner.start()
    try:
        yield
    finally:
        runner.stop()
        lived = runner.join()
    assert lived
