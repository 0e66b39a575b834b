"""Datasets in SQL."""

# ruff: noqa: D102  # the methods are documented in service/domain/ports
from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from service.adapters.sql import tables
from service.adapters.sql.checks import SqlChecks
from service.adapters.sql.database import Database
from service.adapters.sql.rows import listing
from service.domain.datasets import CHECKED, NAMED, Dataset, State, delete, in_use
from service.domain.errors import NotFound
from service.domain.jobs import TERMINAL
from service.domain.ports import Listing, Page

_datasets, _jobs, _teachers, _versions = tables.datasets, tables.jobs, tables.teachers, tables.versions
_there = _datasets.c.deleted_at.is_(None)


class SqlDatasets(SqlChecks[Dataset]):
    """The port Datasets."""

    def __init__(self, database: Database) -> None:
        super().__init__(database, _datasets, Dataset, "dataset", waiting="validating")

    def list(self, page: Page, *, state: State | None = None) -> Listing[Dataset]:
        query = self._query() if state is None else self._query().where(_datasets.c.state == state)
        with self._database.read() as connection:
            return listing(connection, query, _datasets.c.id, page, self._record, after=page.after)

    def delete(self, dataset_id: str) -> Dataset:
        with self._database.write() as connection:
            dataset = self._get(connection, dataset_id, lock=True)
            if users := _users(connection, dataset_id):
                raise in_use(dataset_id, users)
            return self._apply(connection, dataset, delete)

    def _query(self) -> sa.Select[Any]:
        return super()._query().where(_there)


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
        sa.select(_teachers.c.id).where(theirs, _teachers.c.state.not_in(CHECKED)),
        sa.select(name).join(_jobs, _jobs.c.id == _versions.c.job_id).where(ours),
    )
    found = (connection.scalars(query.limit(NAMED)) for query in queries)
    return sorted(user for users in found for user in users)[:NAMED]
