"""The worker: three lanes that claim work and do it, and a pulse. It needs no broker; a hint only cuts a wait short.

::

    hint ──> wake ─┐
    poll_s ────────┴─> train lane: claim a job ──────> trainer ───> publish        worker/training.py
                       check lane: claim a dataset ──> validator ─> report         worker/checking.py
                       probe lane: claim a teacher ──> probe ─────> report         worker/probing.py
    heartbeat_s ─────> pulse: this worker's row, and the reaper                    worker/health.py
"""

from __future__ import annotations

import contextlib
import logging
import queue
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from functools import partial
from typing import Any

from service.domain.errors import FenceLost, StorageFull, Unavailable
from service.logs import bound
from service.telemetry import span
from service.wiring import Service
from worker.checking import Checking
from worker.health import Pulse
from worker.lane import Held, Lane
from worker.probing import Probing
from worker.sinks import sinks_of
from worker.supervision import Limits
from worker.tidying import Tidying
from worker.training import Training

log = logging.getLogger(__name__)

TRAINER = (sys.executable, "-P", "-m", "bpkd_core")
"""The command that trains and validates: the same that a person runs by hand. -P: nothing in its folder is imported."""
PULSE = "pulse"


class Runner:
    """Threads around the lanes. Whatever ends one of them ends them all: a worker is whole or restarted."""

    def __init__(
        self,
        pulse: Pulse,
        lanes: Mapping[str, Lane[Any]],
        *,
        poll_s: float,
        heartbeat_s: float,
        on_failure: Callable[[], None] = lambda: None,
    ) -> None:
        """on_failure: called once, from a thread of the runner, when it cannot go on."""
        self._pulse = pulse
        self._lanes = lanes
        self._poll_s = poll_s
        self._heartbeat_s = heartbeat_s
        self._on_failure = on_failure
        self._stopping = False
        self._hints: dict[str, queue.SimpleQueue[None]] = {name: queue.SimpleQueue() for name in (*lanes, PULSE)}
        self._holds: dict[str, str | None] = dict.fromkeys(lanes)
        self._failed = False
        self._threads = [self._thread(name, partial(self._run_lane, name)) for name in lanes]
        self._threads.append(self._thread(PULSE, self._run_pulse))

    def start(self) -> None:
        """Begin to work, in threads that end with the process."""
        log.info("worker %s starts", self._pulse.worker_id)
        for thread in self._threads:
            thread.start()

    def wake(self) -> None:
        """Look for work now. Any thread may call it, and any signal handler, because its queues are reentrant."""
        for hints in self._hints.values():
            if hints.empty():
                hints.put(None)

    def hear(self) -> None:
        """A hint came from the broker."""
        self._pulse.heard()
        self.wake()

    def stop(self) -> None:
        """Begin to shut down, and return at once: children checkpoint, and claims go back to the queue."""
        self._stopping = True
        self.wake()

    def join(self) -> bool:
        """Wait until everything has ended; False if it ended because something went wrong."""
        for thread in self._threads:
            thread.join()
        with contextlib.suppress(Unavailable, StorageFull):
            self._pulse.leave()
        return not self._failed

    def _thread(self, name: str, loop: Callable[[], None]) -> threading.Thread:
        return threading.Thread(target=self._guard, args=(loop,), name=name, daemon=True)

    def _guard(self, loop: Callable[[], None]) -> None:
        try:
            loop()
        except Exception:
            log.exception("the worker cannot go on")
            self._failed = True
            self._on_failure()
        finally:
            self.stop()

    def _run_pulse(self) -> None:
        while not self._stopping:
            if self._pulse.beat(tuple(held for held in self._holds.values() if held)):
                self.wake()
            self._pause(PULSE, self._heartbeat_s)

    def _run_lane(self, name: str) -> None:
        while not self._stopping:
            if not self._claim_and_work(name, self._lanes[name]):
                self._pause(name, self._poll_s)

    def _pause(self, name: str, at_most_s: float) -> None:
        with contextlib.suppress(queue.Empty):
            self._hints[name].get(timeout=at_most_s)

    def _claim_and_work(self, name: str, lane: Lane[Any]) -> bool:
        try:
            held = lane.claim(self._pulse.worker_id)
        except (Unavailable, StorageFull) as error:  # the pulse decides how long that is borne
            log.warning("nothing can be claimed: %s", error)
            return False
        if held is None:
            return False
        self._holds[name] = held.id
        try:
            with bound(lane=name, job_id=held.id), span(name, job_id=held.id):
                self._work(lane, held)
        finally:
            self._holds[name] = None
        return True

    def _work(self, lane: Lane[Any], held: Held) -> None:
        log.info("working on %s", held.id)
        try:
            self._attempt(lane, held)
        except FenceLost as error:
            log.warning("%s: %s", held.id, error)
        except (Unavailable, StorageFull) as error:
            log.warning("%s is left to the reaper: %s", held.id, error)

    def _attempt(self, lane: Lane[Any], held: Held) -> None:
        try:
            lane.work(held, lambda: self._stopping)
        except (FenceLost, Unavailable, StorageFull):
            raise
        except OSError:  # no disk, no memory, no process: this machine cannot work, and must not burn the whole queue
            lane.hand_on(held)
            raise
        except Exception as error:  # what nobody foresaw costs the work an attempt, not the worker its life
            log.exception("working on %s failed", held.id)
            lane.give_back(held, f"the worker failed at it: {error}")


def build_runner(
    service: Service,
    *,
    trainer: Sequence[str] = TRAINER,
    waiting: Callable[[], int | None] = lambda: 0,
    on_failure: Callable[[], None] = lambda: None,
) -> Runner:
    """The worker of a wired service, ready to start. trainer: what `distill`, `check` and `probe` are appended to."""
    settings = service.settings
    limits = Limits(
        heartbeat_s=settings.heartbeat_s, lease_s=settings.lease_s, stall_s=settings.stall_s, grace_s=settings.grace_s
    )
    jobs, checks = settings.home.absolute() / "jobs", settings.home.absolute() / "checks"
    train = Training(
        service.jobs,
        service.datasets,
        service.teachers,
        service.artifacts,
        service.hints,
        jobs,
        trainer,
        limits,
        sinks_of(settings),
    )
    check = Checking(
        service.datasets, service.dataset_folders, service.artifacts, service.hints, checks, trainer, limits
    )
    probes = settings.home.absolute() / "probes"
    probe = Probing(
        service.teachers,
        service.datasets,
        service.artifacts,
        service.hints,
        probes,
        trainer,
        limits,
        settings.probe_timeout_s,
    )
    lanes = {"train": train, "check": check, "probe": probe}
    keep, every = timedelta(days=settings.keep_folders_days), timedelta(seconds=settings.tidy_every_s)
    tidying = Tidying(service.jobs, jobs, service.now, keep=keep, every=every)
    return Runner(
        Pulse(service, waiting=waiting, tidy=tidying.tidy),
        lanes,
        poll_s=settings.poll_s,
        heartbeat_s=settings.heartbeat_s,
        on_failure=on_failure,
    )
