"""Jobs and their events in SQL."""

# ruff: noqa: D102  # the methods are documented in service/domain/ports
from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from functools import partial
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, RowMapping

from service.adapters.sql import datasets, events, idempotency, models, outbox, quotas, tables, teachers
from service.adapters.sql.database import Database
from service.adapters.sql.rows import changes, columns, listing, record
from service.domain import lifecycle
from service.domain.errors import FenceLost, NotFound
from service.domain.idempotency import Once
from service.domain.ids import first_id
from service.domain.jobs import Job
from service.domain.leases import LEASE_EXPIRED
from service.domain.lifecycle import Change, Move
from service.domain.ports import EVERY_JOB, JobFilter, Listing, Page
from service.domain.webhooks import Webhook

_jobs = tables.jobs
_job = partial(record, Job)
_LAST_CHARACTER = "\U0010ffff"
_MARGIN = timedelta(seconds=1)  # an id is made a moment before or after the time that its record names


class SqlJobs:
    """The port Jobs."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, job: Job, *, once: Once | None = None, webhooks: Sequence[Webhook] = ()) -> Job:
        with self._database.write() as connection:
            datasets.require(connection, job.dataset_id)
            if once is not None:
                earlier = idempotency.link(self._database, connection, once, job.id)
                if earlier != job.id:
                    return _job(_row(connection, earlier))
            if job.teacher_id is not None:
                teachers.require(connection, job.teacher_id)
            quotas.require_room(connection, job.created_by)
            change = lifecycle.queued(job)
            connection.execute(sa.insert(_jobs).values(**columns(job), last_seq=len(change.notes)))
            for webhook in webhooks:
                outbox.subscribe(connection, webhook)
            events.tell(connection, change, after=0, now=self._database.now(connection))
            pairs = [{"key": key, "value": value, "job_id": job.id} for key, value in job.metadata.items()]
            if pairs:
                connection.execute(sa.insert(tables.job_metadata), pairs)
            return job

    def get(self, job_id: str) -> Job:
        with self._database.read() as connection:
            return _job(_row(connection, job_id))

    def list(self, page: Page, where: JobFilter = EVERY_JOB) -> Listing[Job]:
        with self._database.read() as connection:
            query, by = _matching(where)
            found = listing(connection, query, by, page, lambda row: str(row["id"]), after=page.after)
            rows = connection.execute(sa.select(_jobs).where(_jobs.c.id.in_(found.data))).mappings()
            jobs = {row["id"]: _job(row) for row in rows}
            return Listing(tuple(jobs[job_id] for job_id in found.data), found.has_more)

    def claim(self, owner: str, *, lease_s: float) -> Job | None:
        with self._database.write() as connection:
            job_id = connection.scalar(_next().limit(1).with_for_update(of=_jobs, skip_locked=True))
            if job_id is None:
                return None
            row = _row(connection, job_id)
            if not quotas.may_start(connection, row["created_by"]):  # another worker has just started the key's last
                return None
            return self._apply(connection, row, partial(lifecycle.claim, owner=owner, lease_s=lease_s))

    def change(self, job_id: str, move: Move, *, fence: int | None) -> Job:
        with self._database.write() as connection:
            return self._apply(connection, _row(connection, job_id, lock=True), move, fence=fence)

    def reap(self) -> Sequence[Job]:
        recover = partial(lifecycle.recover, reason=LEASE_EXPIRED)
        with self._database.write() as connection:
            expired = sa.select(_jobs).where(_jobs.c.lease_until <= self._database.now(connection))
            rows = connection.execute(expired.with_for_update(skip_locked=True)).mappings().all()
            return [self._apply(connection, row, recover) for row in sorted(rows, key=lambda row: row["id"])]

    def _apply(self, connection: Connection, row: RowMapping, move: Move, *, fence: int | None = None) -> Job:
        before, now = _job(row), self._database.now(connection)
        if fence is not None:
            before.lease.check(fence)
        change = move(before, now)
        if change == Change(before):
            return before
        if change.release is not None:
            version = models.publish(self._database, connection, change.release, by=before.id)
            change = change.published(version)
        update = (
            sa.update(_jobs)
            .where(_jobs.c.id == before.id, _jobs.c.fence == before.lease.fence)
            .values(**changes(before, change.job), last_seq=row["last_seq"] + len(change.notes))
        )
        if connection.execute(update).rowcount != 1:
            raise FenceLost(f"Job {before.id} was claimed by somebody else meanwhile; stop and write nothing")
        events.tell(connection, change, after=row["last_seq"], now=now)
        return change.job


def _next() -> sa.Select[Any]:
    """Ids of queued jobs in the order of their turns; ids only, so that an index alone answers.

    A job whose key runs as many as it may has no turn.
    """
    keys = tables.api_keys
    running = sa.select(_jobs.c.created_by, sa.func.count().label("jobs")).where(_jobs.c.status == "running")
    busy = running.group_by(_jobs.c.created_by).subquery()
    theirs = _jobs.c.created_by.is_not_distinct_from(busy.c.created_by)
    turns = (_jobs.c.priority.desc(), sa.func.coalesce(busy.c.jobs, 0), _jobs.c.id)
    queued = sa.select(_jobs.c.id).join_from(_jobs, busy, theirs, isouter=True).where(_jobs.c.status == "queued")
    full = sa.exists().where(keys.c.id == _jobs.c.created_by, keys.c.max_running <= sa.func.coalesce(busy.c.jobs, 0))
    return queued.where(~full).order_by(*turns)


def _matching(where: JobFilter) -> tuple[sa.Select[Any], sa.Column[Any]]:
    """The ids of the jobs that a filter admits, and the column to order them by. Ids only: an index alone answers most.

    Ids sort by time, so that a span of time is also a span of the list.
    """
    by = _jobs.c.id
    query = sa.select(by).filter_by(**where.equal)
    if where.name_prefix is not None:
        query = query.where(_jobs.c.name >= where.name_prefix, _jobs.c.name < where.name_prefix + _LAST_CHARACTER)
    if where.metadata is not None:
        pairs = tables.job_metadata
        key, value = where.metadata
        by = pairs.c.job_id  # in the order of the pairs' own index, however many jobs have this one
        query = query.join(pairs, by == _jobs.c.id).where(pairs.c.key == key, pairs.c.value == value)
    if where.created_from is not None:
        query = query.where(_jobs.c.id >= first_id("job", where.created_from - _MARGIN))
        query = query.where(_jobs.c.created_at >= where.created_from)
    if where.created_before is not None:
        query = query.where(_jobs.c.id < first_id("job", where.created_before + _MARGIN))
        query = query.where(_jobs.c.created_at < where.created_before)
    return query, by


def _row(connection: Connection, job_id: str, *, lock: bool = False) -> RowMapping:
    query = sa.select(_jobs).where(_jobs.c.id == job_id)
    row = connection.execute(query.with_for_update() if lock else query).mappings().one_or_none()
    if row is None:
        raise NotFound.of("job", job_id)
    return row
