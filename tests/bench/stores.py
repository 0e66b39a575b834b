"""Lists, look-ups and claims in a large store: `python tests/bench/stores.py`, on SQLite and on PostgreSQL.

100,000 jobs, of which 2,000 are queued and 20 run, and 1,000,000 events. Every question is asked 100 times with other
arguments, in three rounds; what counts is the best round's p99. Fails above 50 ms, and when a plan scans a large table.
Two filters at once are measured and not judged: no index serves every pair. The third column is this thread's own time,
which on SQLite is all that a question costs: where it is far below the second, the machine had other things to do.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from bpkd_core.events import Event
from service.adapters import sql
from service.adapters.sql import tables
from service.adapters.sql.rows import columns
from service.domain import lifecycle
from service.domain.datasets import Dataset
from service.domain.events import StoredEvent
from service.domain.ids import ENTROPY_BYTES, new_id
from service.domain.jobs import Job, Mark, Progress, StageState
from service.domain.keys import ApiKey
from service.domain.ports import JobFilter, Page

sys.path.insert(0, str(Path(__file__).parents[1]))
from fakes.postgres_server import running_postgres

LIMIT_S = 0.050
ROUNDS, CALLS = 3, 100
NOW = datetime.now(UTC)
LARGE = ("jobs", "events", "job_metadata")
STATUSES = ("succeeded", "failed", "cancelled")
KEYS = tuple(f"key_{number:026d}" for number in range(20))
TEAMS = ("vision", "robots", "maps", "lab")


@dataclass
class World:
    """A filled store, and what there is to ask for."""

    database: sql.Database
    random: random.Random = field(default_factory=lambda: random.Random(0))
    ids: list[str] = field(default_factory=list)
    datasets: list[str] = field(default_factory=list)
    events_per_job: int = 10


def main() -> None:
    """Fill, ask, print; exit code 1 if one answer is too slow or one plan scans."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--jobs", type=int, default=100_000)
    options.add_argument("--events", type=int, default=1_000_000)
    options.add_argument("--on", choices=STORES, nargs="+", default=list(STORES))
    given = options.parse_args()
    complaints = [line for name in given.on for line in bench(STORES[name], given.jobs, given.events)]
    sys.exit("\n".join(complaints) or 0)


@contextmanager
def on_sqlite() -> Iterator[sql.Database]:
    with tempfile.TemporaryDirectory(prefix="bpkd-bench-") as folder:
        yield sql.Database(f"sqlite:///{folder}/bpkd.sqlite")


@contextmanager
def on_postgres() -> Iterator[sql.Database]:
    with running_postgres() as server:
        yield sql.Database(server.url)


STORES = {"sqlite": on_sqlite, "postgresql": on_postgres}


def bench(kind: Callable[[], Any], jobs: int, events: int) -> list[str]:
    with kind() as database:
        start = time.perf_counter()
        world = fill(database, jobs, events)
        filled_s = time.perf_counter() - start
        print(f"\n{database.engine.dialect.name}: {jobs:,} jobs, {events:,} events, filled in {filled_s:.0f} s\n")
        print("| question | p50 ms | p99 ms | CPU p99 ms |\n| --- | --- | --- | --- |")
        complaints = [line for name, ask in questions(world).items() for line in measure(database, name, ask)]
        database.close()
    return complaints


def fill(database: sql.Database, jobs: int, events: int) -> World:
    sql.upgrade(database)
    world = World(database, events_per_job=events // jobs)
    world.datasets = [new_id("ds", now=NOW, entropy=world.random.randbytes(ENTROPY_BYTES)) for _ in range(50)]
    with database.write() as connection:
        connection.execute(
            sa.insert(tables.datasets), [columns(Dataset(each, "streets", "/data", NOW)) for each in world.datasets]
        )
        connection.execute(
            sa.insert(tables.api_keys), [columns(ApiKey(key, key, key, NOW, max_running=4)) for key in KEYS]
        )
    for start in range(0, jobs, 5000):
        add(world, [draw(world, start + place, jobs) for place in range(min(5000, jobs - start))])
    sql.SqlUpkeep(database).forget()  # brings SQLite's statistics up to date
    with database.write() as connection:
        if database.engine.dialect.name == "postgresql":
            connection.execute(sa.text("ANALYZE"))  # as autovacuum does after a minute
    return world


def draw(world: World, number: int, jobs: int) -> Job:
    """The `number`-th of so many jobs of a year: the newest of them run or wait."""
    chance = world.random
    created = NOW - timedelta(days=365) * (1 - number / jobs)
    age = jobs - number
    status = "queued" if age <= 2000 else "running" if age <= 2020 else chance.choice(STATUSES)
    job_id = new_id("job", now=created, entropy=chance.randbytes(ENTROPY_BYTES))
    return Job(
        id=job_id,
        name=f"{chance.choice(('street', 'indoor', 'field'))}-{number:06d}",
        request={"name": "streets", "student": {"type": "arch", "arch": "ddrnet_23_nano"}, "notes": "x" * 1000},
        dataset_id=chance.choice(world.datasets),
        created_at=created,
        created_by=chance.choice(KEYS),
        metadata={"team": chance.choice(TEAMS), "ticket": str(number)},
        priority=chance.choice((0, 0, 0, 10, -10)),
        teacher_id=f"tch_{number % 200:026d}",
        status=status,  # type: ignore[arg-type]
        worker="w1" if status != "queued" else None,
        stage="training_student",
        stages=tuple(StageState(name, "finished", 100.0, created, 1.0) for name in ("preparing_data", "evaluating")),
        progress=Progress("training_student", 50.0, 100, 200, 10.0, 3.0),
        latest={"loss": 0.5},
        checkpoint=Mark("training_student", 100),
        model=f"model-{number % 300}" if status == "succeeded" else None,
        version=number // 300 + 1 if status == "succeeded" else None,
        lease=lifecycle.claim(Job("j", "j", {}, "", NOW), NOW, owner="w1", lease_s=9e6).job.lease
        if status == "running"
        else Job("j", "j", {}, "", NOW).lease,
    )


def add(world: World, jobs: list[Job]) -> None:
    told = range(1, world.events_per_job + 1)
    lines = {"stage": "training_student", "step": 1, "total_steps": 9, "values": {"loss": 0.5, "lr": 0.1}}
    events = [
        columns(StoredEvent(job.id, seq, "status" if seq == 1 else "metrics", job.created_at, lines))
        for job in jobs
        for seq in told
    ]
    pairs = [{"job_id": job.id, "key": key, "value": value} for job in jobs for key, value in job.metadata.items()]
    with world.database.write() as connection:
        connection.execute(sa.insert(tables.jobs), [{**columns(job), "last_seq": told.stop - 1} for job in jobs])
        connection.execute(sa.insert(tables.job_metadata), pairs)
        connection.execute(sa.insert(tables.events), events)
    world.ids += [job.id for job in jobs]


def questions(world: World) -> dict[str, Callable[[], object]]:
    """Each with arguments of its own at every call."""
    jobs, events, chance = sql.SqlJobs(world.database), sql.SqlEvents(world.database), world.random

    def page() -> Page:
        after = chance.choice((None, chance.choice(world.ids)))
        return Page(limit=20, after=after, order=chance.choice(("asc", "desc")))

    def listing(**where: Callable[[], Any]) -> Callable[[], object]:
        return lambda: jobs.list(page(), JobFilter(**{name: value() for name, value in where.items()}))

    def some_time() -> datetime:
        return NOW - timedelta(days=365 * chance.random())

    def beat() -> object:
        step = {"stage": "training_student", "step": 5, "total_steps": 9, "values": {"loss": 0.4}}
        held = jobs.get(world.ids[-2010])
        move = lifecycle.beat(held, NOW, lease_s=9e6, events=(Event("metrics", step),))
        return jobs.change(held.id, lambda _job, _now: move, fence=held.lease.fence)

    filters: dict[str, Callable[[], Any]] = {
        "status": lambda: chance.choice(("queued", "running", *STATUSES)),
        "dataset_id": lambda: chance.choice(world.datasets),
        "teacher_id": lambda: f"tch_{chance.randrange(200):026d}",
        "model": lambda: f"model-{chance.randrange(300)}",
        "name_prefix": lambda: chance.choice(("street", "indoor-01", "field-0999", "none")),
        "metadata": lambda: chance.choice((("team", chance.choice(TEAMS)), ("ticket", "77"), ("none", "none"))),
        "created_from": some_time,
        "created_before": some_time,
    }
    pairs = [("status", "name_prefix"), ("status", "metadata"), ("dataset_id", "status"), ("metadata", "name_prefix")]
    return {
        "get": lambda: jobs.get(chance.choice(world.ids)),
        "list": listing(),
        **{f"list, {name}": listing(**{name: value}) for name, value in filters.items()},
        **{f"list, {a} and {b}": listing(**{a: filters[a], b: filters[b]}) for a, b in pairs},
        "events after a number": lambda: events.after(chance.choice(world.ids), chance.randrange(10)),
        "events of a type": lambda: events.after(chance.choice(world.ids), 0, types=("metrics",)),
        "newest events": lambda: events.newest(chance.choice(world.ids), limit=10, types=("metrics",)),
        "claim": lambda: jobs.claim("w2", lease_s=9e6),
        "heartbeat": beat,
        "reap": jobs.reap,
    }


def measure(database: sql.Database, name: str, ask: Callable[[], object]) -> list[str]:
    """Print a row; complaints, if there are any."""
    asked: dict[str, Any] = {}

    def listen(_c: object, _cursor: object, statement: str, parameters: Any, *_: object) -> None:
        asked[statement] = parameters

    sa.event.listen(database.engine, "before_cursor_execute", listen)
    rounds = [list(zip(*(timed(ask) for _ in range(CALLS)), strict=True)) for _ in range(ROUNDS)]
    sa.event.remove(database.engine, "before_cursor_execute", listen)
    p50, p99, cpu = (
        min(sorted(each[clock])[int(CALLS * share)] for each in rounds)
        for clock, share in ((0, 0.5), (0, 0.99), (1, 0.99))
    )
    print(f"| {name} | {p50 * 1000:.2f} | {p99 * 1000:.2f} | {cpu * 1000:.2f} |", flush=True)
    scans = [
        f"{name}: {line.strip()}"
        for statement, parameters in asked.items()
        for line in plan(database, statement, parameters)
        if is_scan(line, limited="LIMIT" in statement)
    ]
    slow = p99 > LIMIT_S and " and " not in name
    return [*scans, *([f"{name}: p99 is {p99 * 1000:.0f} ms"] if slow else [])]


def timed(ask: Callable[[], object]) -> tuple[float, float]:
    """Seconds by the clock, and of this thread's processor time."""
    start, start_cpu = time.perf_counter(), time.thread_time()
    ask()
    return time.perf_counter() - start, time.thread_time() - start_cpu


def plan(database: sql.Database, statement: str, parameters: Any) -> list[str]:
    if not statement.lstrip().startswith(("SELECT", "UPDATE")):
        return []
    explain = "EXPLAIN QUERY PLAN " if database.engine.dialect.name == "sqlite" else "EXPLAIN "
    with database.read() as connection:
        return [str(row[-1]) for row in connection.exec_driver_sql(explain + statement, parameters)]


def is_scan(line: str, *, limited: bool) -> bool:
    """Whether a line of a plan says that all of a large table is read: in no order, or where nothing ends it early."""
    sqlite = line.startswith("SCAN ") and line.split()[1] in LARGE and ("USING" not in line or not limited)
    return sqlite or any(f"Seq Scan on {table}" in line for table in LARGE)


if __name__ == "__main__":
    main()
