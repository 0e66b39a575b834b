"""Datasets in SQL."""

# ruff: noqa: D102  # the methods are documented in service/domain/ports
from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from service.adapters.sql import idempotency, tables
from service.adapters.sql.database import Database
from service.adapters.sql.rows import changes, columns, listing, record
from service.domain import datasets as checks
from service.domain.datasets import Dataset, DatasetMove, State
from service.domain.errors import FenceLost, NotFound
from service.domain.idempotency import Once
from service.domain.jobs import TERMINAL
from service.domain.leases import LEASE_EXPIRED
from service.domain.ports import Listing, Page

_datasets = tables.datasets
_jobs, _teachers, _versions = tables.jobs, tables.teachers, tables.versions
_dataset = partial(record, Dataset)
_there = _datasets.c.deleted_at.is_(None)


class SqlDatasets:
    """The port Datasets."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, dataset: Dataset, *, once: Once | None = None) -> Dataset:
        with self._database.write() as connection:
            if once is not None:
                earlier = idempotency.link(self._database, connection, once, dataset.id)
                if earlier != dataset.id:
                    return _get(connection, earlier)
            connection.execute(sa.insert(_datasets).values(columns(dataset)))
            return dataset

    def get(self, dataset_id: str) -> Dataset:
        with self._database.read() as connection:
            return _get(connection, dataset_id)

    def list(self, page: Page, *, state: State | None = None) -> Listing[Dataset]:
        query = sa.select(_datasets).where(_there)
        if state is not None:
            query = query.where(_datasets.c.state == state)
        with self._database.read() as connection:
            return listing(connection, query, _datasets.c.id, page, _dataset, after=page.after)

    def claim(self, owner: str, *, lease_s: float) -> Dataset | None:
        waiting = sa.select(_datasets).where(_there, _datasets.c.state == "validating", _datasets.c.owner.is_(None))
        with self._database.write() as connection:
            oldest = waiting.order_by(_datasets.c.id).limit(1).with_for_update(skip_locked=True)
            row = connection.execute(oldest).mappings().one_or_none()
            if row is None:
                return None
            return self._apply(connection, _dataset(row), partial(checks.claim, owner=owner, lease_s=lease_s))

    def change(self, dataset_id: str, move: DatasetMove, *, fence: int | None) -> Dataset:
        with self._database.write() as connection:
            dataset = _get(connection, dataset_id, lock=True)
            if fence is not None:
                dataset.lease.check(fence)
            return self._apply(connection, dataset, move)

    def reap(self) -> Sequence[Dataset]:
        recover = partial(checks.recover, reason=LEASE_EXPIRED)
        with self._database.write() as connection:
            expired = sa.select(_datasets).where(_datasets.c.lease_until <= self._database.now(connection))
            query = expired.order_by(_datasets.c.id).with_for_update(skip_locked=True)
            rows = connection.execute(query).mappings().all()
            return [self._apply(connection, _dataset(row), recover) for row in rows]

    def delete(self, dataset_id: str) -> Dataset:
        with self._database.write() as connection:
            dataset = _get(connection, dataset_id, lock=True)
            if users := _users(connection, dataset_id):
                raise checks.in_use(dataset_id, users)
            return self._apply(connection, dataset, checks.delete)

    def _apply(self, connection: Connection, before: Dataset, move: DatasetMove) -> Dataset:
        after = move(before, self._database.now(connection))
        update = sa.update(_datasets).where(_datasets.c.id == before.id, _datasets.c.fence == before.lease.fence)
        if connection.execute(update.values(**{"fence": after.lease.fence} | changes(before, after))).rowcount != 1:
            raise FenceLost(f"Dataset {before.id} was claimed by somebody else meanwhile; stop and write nothing")
        return after


def _get(connection: Connection, dataset_id: str, *, lock: bool = False) -> Dataset:
    query = sa.select(_datasets).where(_there, _datasets.c.id == dataset_id)
    row = connection.execute(query.with_for_update() if lock else query).mappings().one_or_none()
    if row is None:
        raise NotFound.of("dataset", dataset_id)
    return _dataset(row)


def require(connection: Connection, dataset_id: str) -> None:
    """Raise NotFound unless the dataset is there, and keep it from being deleted until the transaction ends."""
    query = sa.select(_datasets.c.id).where(_there, _datasets.c.id == dataset_id)
    if connection.scalar(query.with_for_update(read=True)) is None:
        raise NotFound.of("dataset", dataset_id)


def _users(connection: Connection, dataset_id: str) -> list[str]:
    """Some of the open jobs and teachers, and of the versions, that refer to a dataset."""
    ours, theirs = _jobs.c.dataset_id == dataset_id, _teachers.c.dataset_id == dataset_id
    name = _versions.c.model + "@" + sa.cast(_versions.c.version, sa.String)
    queries = (
        sa.select(_jobs.c.id).where(ours, _jobs.c.status.not_in(TERMINAL)),
        sa.select(_teachers.c.id).where(theirs, _teachers.c.state.not_in(checks.CHECKED)),
        sa.select(name).join(_jobs, _jobs.c.id == _versions.c.job_id).where(ours),
    )
    found = (connection.scalars(query.limit(checks.NAMED)) for query in queries)
    return sorted(user for users in found for user in users)[: checks.NAMED]
