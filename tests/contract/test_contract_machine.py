"""Any order of submits, claims, heartbeats, crashes and cancels: the store agrees with a model of a few lines.

The model knows nothing of leases or SQL; it says what a person would expect. Time passes only where a rule lets it.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import ClassVar

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test
from stores import LEASE_S, Stores, empty, memory_stores, release, sql_stores

from bpkd_core.errors import Diverged
from bpkd_core.events import Event
from service.domain import work
from service.domain.errors import FenceLost
from service.domain.idempotency import Once
from service.domain.jobs import TERMINAL, Job
from service.domain.ports import Page
from service.domain.submission import cancel


@dataclass
class Expected:
    """What should be known of one job."""

    status: str = "queued"
    wished_to_stop: bool = False
    attempt: int = 1
    futile: int = 0
    claims: int = 0
    checkpoint: int = 0
    silent_s: float = 0.0

    def end_attempt(self) -> None:
        self.futile += 1
        if self.wished_to_stop:
            self.status, self.futile = "cancelled", self.futile - 1
        elif self.futile == 3:
            self.status = "failed"
        else:
            self.status, self.attempt = "queued", self.attempt + 1


@dataclass
class World:
    """The store under test, the model, and every claim ever made: the last one of a job may be its holder."""

    stores: Stores
    dataset_id: str
    jobs: dict[str, Expected] = field(default_factory=dict[str, Expected])
    claims: list[Job] = field(default_factory=list[Job])
    keys: dict[str, str] = field(default_factory=dict[str, str])

    def holds(self, held: Job) -> bool:
        job = self.jobs[held.id]
        return job.status == "running" and held.lease.fence == job.claims


class Lifecycle(RuleBasedStateMachine):
    """The rules. `open_stores` is set for each kind of store by :func:`machine_on`."""

    open_stores: ClassVar[Callable[[], AbstractContextManager[Stores]]]

    def __init__(self) -> None:
        super().__init__()
        self.context = self.open_stores()
        stores = self.context.__enter__()
        self.world = World(stores, stores.add_dataset().id)
        self.last_seen: dict[str, Job] = {}

    def teardown(self) -> None:
        self.context.__exit__(None, None, None)

    @rule(key=st.sampled_from([None, None, "a", "b"]))
    def submit(self, key: str | None) -> None:
        draft = self.world.stores.draft(dataset_id=self.world.dataset_id)
        job = self.world.stores.jobs.add(draft, once=Once("s", key, "h") if key else None)
        if key in self.world.keys:
            assert job.id == self.world.keys[key]
            return
        assert job == draft
        self.world.jobs[job.id] = Expected()
        if key:
            self.world.keys[key] = job.id

    @rule(owner=st.sampled_from(["w1", "w2"]))
    def claim(self, owner: str) -> None:
        queued = [job_id for job_id, job in self.world.jobs.items() if job.status == "queued"]
        held = self.world.stores.jobs.claim(owner, lease_s=LEASE_S)
        assert (held.id if held else None) == min(queued, default=None)
        if held:
            expected = self.world.jobs[held.id]
            expected.status, expected.claims, expected.silent_s = "running", expected.claims + 1, 0.0
            self.world.claims.append(held)

    @precondition(lambda self: self.world.claims)
    @rule(data=st.data(), step=st.integers(0, 5))
    def beat_any(self, data: st.DataObject, step: int) -> None:
        """A heartbeat of a holder or of a zombie."""
        self.beat(data.draw(st.sampled_from(self.world.claims)), step)

    @rule(times=st.integers(1, 4), step=st.integers(0, 5))
    def crash_again_and_again(self, times: int, step: int) -> None:
        """The oldest job kills its worker each time at the same step, just after a checkpoint."""
        for _ in range(times):
            self.claim("w3")
            if self.world.claims:
                self.beat(self.world.claims[-1], step)
            self.elapse_and_reap(70.0)

    @precondition(lambda self: self.world.claims)
    @rule(times=st.integers(1, 3))
    def hold_on(self, times: int) -> None:
        """A slow worker, always just in time."""
        for _ in range(times):
            self.beat(self.world.claims[-1], 0)
            self.elapse_and_reap(59.0)

    def beat(self, held: Job, step: int) -> None:
        """A heartbeat, with a checkpoint when `step` is not 0."""
        events = [Event("checkpoint", {"stage": "training_student", "step": step})] if step else []
        if not self.world.holds(held):
            with pytest.raises(FenceLost):
                work.beat(self.world.stores.jobs, held, events)
            return
        expected = self.world.jobs[held.id]
        job = work.beat(self.world.stores.jobs, held, events, lease_s=LEASE_S)
        assert job.cancel_requested == expected.wished_to_stop
        expected.silent_s = 0.0
        if step > expected.checkpoint:
            expected.checkpoint, expected.futile = step, 0

    @precondition(lambda self: self.world.claims)
    @rule(data=st.data(), end=st.sampled_from(["succeed", "fail", "give_back", "recover", "stop"]))
    def end(self, data: st.DataObject, end: str) -> None:
        """A holder, or a zombie, is through with its claim."""
        held = data.draw(st.sampled_from(self.world.claims))
        expected = self.world.jobs[held.id]
        jobs = self.world.stores.jobs
        if end == "stop" and not expected.wished_to_stop:
            return
        acts = {
            "succeed": lambda: work.succeed(jobs, held, result={}, files={}, release=release(held, alias="live")),
            "fail": lambda: work.fail(jobs, held, Diverged("the loss is NaN")),
            "give_back": lambda: work.give_back(jobs, held),
            "recover": lambda: work.recover(jobs, held, "killed"),
            "stop": lambda: work.stop(jobs, held),
        }
        results = {"succeed": "succeeded", "fail": "failed", "stop": "cancelled"}
        if not self.world.holds(held):
            if results.get(end) == expected.status and held.lease.fence == expected.claims:  # its own answer was lost
                assert acts[end]() == jobs.get(held.id)
                return
            with pytest.raises(FenceLost):
                acts[end]()
            return
        acts[end]()
        if end == "recover":
            expected.end_attempt()
        elif end == "give_back":
            expected.status = "cancelled" if expected.wished_to_stop else "queued"
        else:
            expected.status = results[end]

    @precondition(lambda self: self.world.jobs)
    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        job_id = data.draw(st.sampled_from(sorted(self.world.jobs)))
        expected = self.world.jobs[job_id]
        cancel(self.world.stores.jobs, job_id)
        if expected.status == "queued":
            expected.status, expected.wished_to_stop = "cancelled", True
        elif expected.status == "running":
            expected.wished_to_stop = True

    @rule(seconds=st.sampled_from([20.0, 59.0, 70.0]))
    def elapse_and_reap(self, seconds: float) -> None:
        self.world.stores.elapse(seconds)
        for expected in self.world.jobs.values():
            expected.silent_s += seconds
        silent = [
            job_id
            for job_id, expected in self.world.jobs.items()
            if expected.status == "running" and expected.silent_s >= LEASE_S
        ]
        assert [job.id for job in self.world.stores.jobs.reap()] == sorted(silent)
        for job_id in silent:
            self.world.jobs[job_id].end_attempt()

    @invariant()
    def store_and_model_agree(self) -> None:
        stored = self.world.stores.jobs.list(Page(limit=1000, order="asc")).data
        assert [job.id for job in stored] == sorted(self.world.jobs)
        for job in stored:
            expected = self.world.jobs[job.id]
            assert job.status == expected.status
            assert (job.attempt, job.attempts_without_progress) == (expected.attempt, expected.futile)
            assert job.lease.fence == expected.claims
            assert (job.lease.owner is not None) == (job.status == "running")
            assert job.cancel_requested == expected.wished_to_stop
            assert (job.version is not None) == (job.status == "succeeded")
            before = self.last_seen.get(job.id)
            if before is not None and before.status in TERMINAL:
                assert job == before
            self.last_seen[job.id] = job

    @invariant()
    def events_tell_the_story_without_a_gap(self) -> None:
        for job_id, expected in self.world.jobs.items():
            events = self.world.stores.events.after(job_id, limit=10_000)
            assert [event.seq for event in events] == list(range(1, len(events) + 1))
            told = [event.data["status"] for event in events if event.type == "status"]
            assert told[-1] == expected.status
            assert [event.type for event in events].count("done") == (expected.status in TERMINAL)


def machine_on(open_stores: Callable[[], AbstractContextManager[Stores]]) -> type[Lifecycle]:
    return type("Machine", (Lifecycle,), {"open_stores": staticmethod(open_stores)})


def test_lifecycle_in_memory() -> None:
    """The plainest store, many orders."""

    @contextmanager
    def in_memory() -> Iterator[Stores]:
        yield memory_stores()

    run_state_machine_as_test(machine_on(in_memory), settings=_settings(examples=60, steps=40))


def test_lifecycle_on_sqlite(empty_sqlite: Path) -> None:
    """The embedded default, fewer orders: the rules are the same and each write costs more."""

    @contextmanager
    def on_sqlite() -> Iterator[Stores]:
        with TemporaryDirectory() as folder:
            stores = sql_stores(f"sqlite:///{shutil.copy(empty_sqlite, Path(folder) / 'bpkd.sqlite')}")
            yield stores
            stores.close()

    run_state_machine_as_test(machine_on(on_sqlite), settings=_settings(examples=8, steps=25))


def test_lifecycle_on_postgres(postgres_url: str) -> None:
    """The deployment's store, whose locks are of another kind."""

    @contextmanager
    def on_postgres() -> Iterator[Stores]:
        empty(postgres_url)
        stores = sql_stores(postgres_url)
        yield stores
        stores.close()

    run_state_machine_as_test(machine_on(on_postgres), settings=_settings(examples=8, steps=25))


def _settings(*, examples: int, steps: int) -> settings:
    return settings(
        max_examples=examples,
        stateful_step_count=steps,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.generate],  # to make a failure smaller may take minutes on a database
        suppress_health_check=list(HealthCheck),
    )
