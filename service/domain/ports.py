"""What the domain needs from the world, as Protocols. Every adapter passes the contract tests in tests/contract/.

Every method is atomic, and durable when it returns. A store that cannot answer raises Unavailable (or StorageFull); an
unknown id raises NotFound. Methods block; an event loop calls them in threads, which is safe. Moves run under the
store's lock with the store's time: they are pure and quick.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Generic, Literal, Protocol, TypeVar

from bpkd_core.bundle import FileInfo
from bpkd_core.errors import InvalidInput
from service.domain.datasets import Dataset, DatasetMove, State
from service.domain.events import NoteType, StoredEvent
from service.domain.idempotency import Answer, Once
from service.domain.jobs import Job, Status
from service.domain.keys import ApiKey
from service.domain.lifecycle import Move
from service.domain.models import Alias, AliasMove, Model, Release, Repoint, Version
from service.domain.workers import Worker

T = TypeVar("T")

Clock = Callable[[], datetime]
"""The time now, timezone-aware UTC."""
NewId = Callable[[Literal["ds", "tch", "job", "pred", "key"]], str]
"""A fresh id of a kind: :func:`service.domain.ids.new_id` with clock and randomness bound."""
Entropy = Callable[[int], bytes]
"""That many random bytes."""


@dataclass(frozen=True)
class Page:
    """Which part of a list. after: the id (or name, or number as text) of the last one already seen."""

    limit: int = 20
    after: str | None = None
    order: Literal["asc", "desc"] = "desc"

    @property
    def after_number(self) -> int | None:
        """`after` of a list that is ordered by number. Raises InvalidInput."""
        if self.after is None:
            return None
        if not self.after.isdecimal() or len(self.after) > 9:
            raise InvalidInput(f'after is "{self.after}"; expected the number of the last version seen', param="after")
        return int(self.after)


@dataclass(frozen=True)
class Listing(Generic[T]):
    """One page. has_more: whether there are more after the last one."""

    data: tuple[T, ...]
    has_more: bool


@dataclass(frozen=True)
class JobFilter:
    """Only jobs for which every given field is equal."""

    status: Status | None = None
    dataset_id: str | None = None
    model: str | None = None


EVERY_JOB = JobFilter()


class Jobs(Protocol):
    """Jobs, and the right to work on them."""

    def add(self, job: Job, *, once: Once | None = None) -> Job:
        """Store a queued job, its first event and the idempotency key in one transaction.

        A key that already made a job gives that job back and stores nothing. Raises IdempotencyMismatch, and NotFound
        for an unknown dataset.
        """
        ...

    def get(self, job_id: str) -> Job:
        """One job."""
        ...

    def list(self, page: Page, where: JobFilter = EVERY_JOB) -> Listing[Job]:
        """Jobs by id, which is by age."""
        ...

    def claim(self, owner: str, *, lease_s: float) -> Job | None:
        """Take the oldest queued job, or None if there is none. Two callers never get the same."""
        ...

    def change(self, job_id: str, move: Move, *, fence: int | None) -> Job:
        """Apply a move, and write the job, its events and the version it publishes.

        fence: the holder's; the move happens only while this fence holds, else FenceLost. None: a move that anybody may
        make, such as :func:`service.domain.lifecycle.cancel`.
        """
        ...

    def reap(self) -> Sequence[Job]:
        """Take back every job whose lease ran out (see :func:`service.domain.lifecycle.recover`); those that moved."""
        ...


class Events(Protocol):
    """What happened to jobs. They are written by :class:`Jobs`, together with the change that they tell of."""

    def after(
        self, job_id: str, seq: int = 0, *, limit: int = 100, types: Sequence[NoteType] = ()
    ) -> Sequence[StoredEvent]:
        """Events with a greater `seq`, in order; `types` keeps only some."""
        ...


class Datasets(Protocol):
    """Datasets, and the right to validate them."""

    def add(self, dataset: Dataset, *, once: Once | None = None) -> Dataset:
        """Store a dataset that waits for its validation. `once` as in :meth:`Jobs.add`."""
        ...

    def get(self, dataset_id: str) -> Dataset:
        """One dataset."""
        ...

    def list(self, page: Page, *, state: State | None = None) -> Listing[Dataset]:
        """Datasets by id, which is by age."""
        ...

    def claim(self, owner: str, *, lease_s: float) -> Dataset | None:
        """Take the oldest dataset that waits for a check, or None."""
        ...

    def change(self, dataset_id: str, move: DatasetMove, *, fence: int | None) -> Dataset:
        """As :meth:`Jobs.change`."""
        ...

    def reap(self) -> Sequence[Dataset]:
        """Take back every check whose lease ran out; those that moved."""
        ...


class Models(Protocol):
    """The registry."""

    def publish(self, release: Release, *, by: str | None = None) -> Version:
        """Make a version, and move its alias if it names one. Idempotent by model, job and ONNX hash.

        Raises NotFound for an unknown job.
        """
        ...

    def get(self, model: str) -> Model:
        """One model."""
        ...

    def list(self, page: Page) -> Listing[Model]:
        """Models by name."""
        ...

    def version(self, model: str, version: int) -> Version:
        """One version."""
        ...

    def versions(self, model: str, page: Page) -> Listing[Version]:
        """Versions of a model by number."""
        ...

    def alias(self, model: str, alias: str) -> Alias:
        """Where an alias points now."""
        ...

    def aliases(self, model: str) -> Sequence[Alias]:
        """Every alias of a model, by name."""
        ...

    def move_alias(self, wish: Repoint) -> Alias:
        """Point an alias to a version and write the history. Raises StalePrecondition.

        Pointing it to the version that is live already changes nothing.
        """
        ...

    def history(self, model: str, alias: str) -> Sequence[AliasMove]:
        """Every move of an alias, oldest first."""
        ...


class Keys(Protocol):
    """API keys."""

    def add(self, key: ApiKey) -> None:
        """Store a key."""
        ...

    def find(self, sha256: str) -> ApiKey | None:
        """The key whose secret has this hash."""
        ...

    def list(self) -> Sequence[ApiKey]:
        """Every key, oldest first."""
        ...

    def revoke(self, key_id: str) -> None:
        """Forget a key."""
        ...


class Idempotency(Protocol):
    """Answers by Idempotency-Key, kept for 24 hours."""

    def begin(self, once: Once) -> Answer | None:
        """The stored answer, or None: the caller is the first and must `finish` or `abandon`.

        Raises IdempotencyInFlight while another request holds the key, and IdempotencyMismatch.
        """
        ...

    def finish(self, once: Once, answer: Answer) -> None:
        """Store the answer."""
        ...

    def abandon(self, once: Once) -> None:
        """The request failed and may be tried again with the same key."""
        ...


class Workers(Protocol):
    """The processes that work."""

    def beat(self, worker: Worker) -> None:
        """Write that a worker is alive, with `seen_at` by the store's clock."""
        ...

    def leave(self, worker_id: str) -> None:
        """Forget a worker that goes away. An unknown one is no error."""
        ...

    def list(self, *, seen_within_s: float = 60.0) -> Sequence[Worker]:
        """Workers that were seen lately, by id."""
        ...


class Artifacts(Protocol):
    """Files that never change, named by the sha256 of their bytes.

    A file is whole or absent, and nobody can overwrite one: a zombie that stores its files late changes nothing.
    Records (job, version, event) map human names to hashes.
    """

    def keep(self, source: Path) -> FileInfo:
        """Copy a file in, durably."""
        ...

    def keep_bytes(self, data: bytes) -> FileInfo:
        """Store bytes, durably."""
        ...

    def path(self, sha256: str) -> Path:
        """A local path to read the bytes from. Raises NotFound."""
        ...


class Hints(Protocol):
    """A nudge to whoever waits for work. The database is the truth: a hint may be lost, doubled or late."""

    def hint(self, kind: Literal["job", "dataset"]) -> None:
        """Say that there is work. Never raises, returns quickly."""
        ...
