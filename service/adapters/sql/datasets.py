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
from service.domain.leases import LEASE_EXPIRED
from service.domain.ports import Listing, Page

_datasets = tables.datasets
_dataset = partial(record, Dataset)


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
        query = sa.select(_datasets)
        if state is not None:
            query = query.where(_datasets.c.state == state)
        with self._database.read() as connection:
            return listing(connection, query, _datasets.c.id, page, _dataset, after=page.after)

    def claim(self, owner: str, *, lease_s: float) -> Dataset | None:
        waiting = sa.select(_datasets).where(_datasets.c.state == "validating", _datasets.c.owner.is_(None))
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

    def _apply(self, connection: Connection, before: Dataset, move: DatasetMove) -> Dataset:
        after = move(before, self._database.now(connection))
        update = sa.update(_datasets).where(_datasets.c.id == before.id, _datasets.c.fence == before.lease.fence)
        if connection.execute(update.values(**{"fence": after.lease.fence} | changes(before, after))).rowcount != 1:
            raise FenceLost(f"Dataset {before.id} was claimed by somebody else meanwhile; stop and write nothing")
        return after


def _get(connection: Connection, dataset_id: str, *, lock: bool = False) -> Dataset:
    query = sa.select(_datasets).where(_datasets.c.id == dataset_id)
    row = connection.execute(query.with_for_update() if lock else query).mappings().one_or_none()
    if row is None:
        raise NotFound.of("dataset", dataset_id)
    return _dataset(row)
