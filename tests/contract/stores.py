"""Every store behind the same names, with a clock that a test can move."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from bpkd_core.bundle import ClassInfo, FileInfo
from service.adapters import memory, sql
from service.adapters.sql.tables import metadata
from service.domain.datasets import Dataset
from service.domain.jobs import Job
from service.domain.models import Release
from service.domain.ports import (
    Datasets,
    Events,
    Idempotency,
    Jobs,
    Keys,
    Models,
    Queue,
    Teachers,
    Upkeep,
    Webhooks,
    Workers,
)
from service.domain.teachers import Teacher, receive

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
LEASE_S = 60.0
CLASSES = (ClassInfo(id=0, name="road", color=(1, 2, 3)), ClassInfo(id=1, name="sky", color=(4, 5, 6)))
TEACHER_FILE = FileInfo(sha256="a" * 64, size=3_000_000_000)


@dataclass
class Stores:
    """The ports of one store. elapse: lets that many seconds pass for its clock."""

    jobs: Jobs
    events: Events
    datasets: Datasets
    teachers: Teachers
    models: Models
    keys: Keys
    webhooks: Webhooks
    upkeep: Upkeep
    idempotency: Idempotency
    workers: Workers
    queue: Queue
    elapse: Callable[[float], None]
    close: Callable[[], None]
    made: int = field(default=0)

    def number(self) -> str:
        """A number that grows, for ids that sort by age."""
        self.made += 1
        return f"{self.made:026d}"

    def add_dataset(self, **changes: Any) -> Dataset:
        """A dataset that waits for its validation."""
        return self.datasets.add(Dataset(f"ds_{self.number()}", "streets", "/data/streets", NOW).evolve(**changes))

    def draft_teacher(self, **changes: Any) -> Teacher:
        """A teacher that is not stored yet and has no file; its dataset is stored."""
        if "dataset_id" not in changes:
            changes["dataset_id"] = self.add_dataset().id
        return Teacher(f"tch_{self.number()}", "theirs", {"type": "onnx"}, "", CLASSES, NOW).evolve(**changes)

    def add_teacher(self, **changes: Any) -> Teacher:
        """A teacher that waits for its probe."""
        return self.teachers.add(receive(self.draft_teacher(**changes), NOW, info=TEACHER_FILE))

    def draft(self, **changes: Any) -> Job:
        """A job that is not stored yet, of a dataset that is."""
        if "dataset_id" not in changes:
            changes["dataset_id"] = self.add_dataset().id
        return Job(f"job_{self.number()}", "streets", {"name": "streets"}, "", NOW).evolve(**changes)

    def add_job(self, **changes: Any) -> Job:
        """A queued job."""
        return self.jobs.add(self.draft(**changes))

    def claim(self, owner: str = "w1") -> Job:
        """The oldest queued job, held by a worker."""
        job = self.jobs.claim(owner, lease_s=LEASE_S)
        assert job is not None
        return job

    def claim_none(self) -> bool:
        """Whether no job waits."""
        return self.jobs.claim("w0", lease_s=LEASE_S) is None

    def told(self, job: Job) -> list[tuple[str, Mapping[str, Any]]]:
        """A job's events: type and data."""
        return [(event.type, event.data) for event in self.events.after(job.id, limit=10_000)]


def release(job: Job, *, model: str = "street", onnx: str = "a", alias: str | None = None) -> Release:
    """What a finished run of a job publishes; `onnx` stands for the bytes of the network."""
    return Release(
        model=model,
        job_id=job.id,
        dataset_sha256="d" * 64,
        files={"student.onnx": FileInfo(sha256=onnx.encode().hex().ljust(64, "0"), size=3)},
        classes=(ClassInfo(id=0, name="road", color=(128, 64, 128)),),
        result={"verdict": "yes", "miou": 0.7},
        provenance={"job": job.id},
        alias=alias,
    )


class StillDatabase(sql.Database):
    """A database whose clock moves only when a test says so: on a busy machine a second is soon gone."""

    time: datetime | None = None

    def now(self, connection: sa.Connection) -> datetime:
        self.time = self.time or super().now(connection)
        return self.time

    def elapse(self, seconds: float) -> None:
        with self.read() as connection:
            self.time = self.now(connection) + timedelta(seconds=seconds)


def memory_stores() -> Stores:
    """A new in-memory store."""
    clock = [NOW]

    def elapse(seconds: float) -> None:
        clock[0] += timedelta(seconds=seconds)

    store = memory.MemoryStore(lambda: clock[0])
    return Stores(
        jobs=memory.MemoryJobs(store),
        events=memory.MemoryEvents(store),
        datasets=memory.MemoryDatasets(store),
        teachers=memory.MemoryTeachers(store),
        models=memory.MemoryModels(store),
        keys=memory.MemoryKeys(store),
        webhooks=memory.MemoryWebhooks(store),
        upkeep=memory.MemoryUpkeep(store),
        idempotency=memory.MemoryIdempotency(store),
        workers=memory.MemoryWorkers(store),
        queue=memory.MemoryQueue(store),
        elapse=elapse,
        close=lambda: None,
    )


def sql_stores(url: str) -> Stores:
    """A store on a database that has the newest schema."""
    database = StillDatabase(url)
    if url.startswith("sqlite"):
        sa.event.listen(database.engine, "connect", _trust_the_power)

    return Stores(
        jobs=sql.SqlJobs(database),
        events=sql.SqlEvents(database),
        datasets=sql.SqlDatasets(database),
        teachers=sql.SqlTeachers(database),
        models=sql.SqlModels(database),
        keys=sql.SqlKeys(database),
        webhooks=sql.SqlWebhooks(database),
        upkeep=sql.SqlUpkeep(database),
        idempotency=sql.SqlIdempotency(database),
        workers=sql.SqlWorkers(database),
        queue=sql.SqlQueue(database),
        elapse=database.elapse,
        close=database.close,
    )


def _trust_the_power(connection: sqlite3.Connection, _record: object) -> None:
    """Most of a test's time would go to the disk; that the product waits for it has a test of its own."""
    connection.execute("PRAGMA synchronous = OFF")


def migrate(url: str) -> None:
    """Bring a database to the newest schema."""
    database = sql.Database(url)
    sql.upgrade(database)
    database.close()


def empty(url: str) -> None:
    """Delete every row."""
    engine = sa.create_engine(url)
    names = ", ".join(table.name for table in metadata.sorted_tables)
    with engine.begin() as connection:
        connection.execute(sa.text(f"TRUNCATE {names}"))
    engine.dispose()
