"""The registry in SQL. Whoever publishes or moves an alias locks the model's row first."""

# ruff: noqa: D102  # the methods are documented in service/domain/ports
from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from service.adapters.sql import tables
from service.adapters.sql.database import Database
from service.adapters.sql.rows import columns, listing, record
from service.domain.errors import NotFound
from service.domain.models import Alias, AliasMove, Model, Release, Repoint, Version, refuse_while_named
from service.domain.ports import Listing, Page

_models, _versions, _aliases, _moves = tables.models, tables.versions, tables.aliases, tables.alias_moves
_version = partial(record, Version)
_LIVES = sa.exists().where(_versions.c.model == _models.c.name)
"""A model is there as long as it has a version."""


class SqlModels:
    """The port Models."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def publish(self, release: Release, *, by: str | None = None) -> Version:
        with self._database.write() as connection:
            return publish(self._database, connection, release, by=by)

    def delete(self, model: str, version: int | None = None) -> None:
        with self._database.write() as connection:
            _model(connection, model, lock=True)
            if version is not None:
                _get_version(connection, model, version)
            rows = connection.execute(sa.select(_aliases).where(_aliases.c.model == model)).mappings()
            refuse_while_named(model, version, [record(Alias, row) for row in rows])
            gone = sa.delete(_versions).where(_versions.c.model == model)
            connection.execute(gone if version is None else gone.where(_versions.c.version == version))

    def sealed(self, mark: str) -> Sequence[Version]:
        begins = sa.and_(_versions.c.seal >= mark, _versions.c.seal < mark + "~")
        with self._database.read() as connection:
            return [_version(row) for row in connection.execute(sa.select(_versions).where(begins)).mappings()]

    def get(self, model: str) -> Model:
        with self._database.read() as connection:
            return _model(connection, model)

    def list(self, page: Page) -> Listing[Model]:
        with self._database.read() as connection:
            shape = partial(record, Model)
            return listing(connection, sa.select(_models).where(_LIVES), _models.c.name, page, shape, after=page.after)

    def version(self, model: str, version: int) -> Version:
        with self._database.read() as connection:
            return _get_version(connection, model, version)

    def versions(self, model: str, page: Page) -> Listing[Version]:
        with self._database.read() as connection:
            _model(connection, model)
            query = sa.select(_versions).where(_versions.c.model == model)
            return listing(connection, query, _versions.c.version, page, _version, after=page.after_number)

    def alias(self, model: str, alias: str) -> Alias:
        with self._database.read() as connection:
            return _known_alias(connection, model, alias)

    def aliases(self, models: Sequence[str]) -> Mapping[str, Sequence[Alias]]:
        query = sa.select(_aliases).where(_aliases.c.model.in_(models)).order_by(_aliases.c.alias)
        with self._database.read() as connection:
            found = [record(Alias, row) for row in connection.execute(query).mappings()]
        return {model: [alias for alias in found if alias.model == model] for model in models}

    def move_alias(self, wish: Repoint) -> Alias | None:
        with self._database.write() as connection:
            return _move_alias(self._database, connection, wish)

    def history(self, model: str, alias: str) -> Sequence[AliasMove]:
        with self._database.read() as connection:
            _model(connection, model)
            query = sa.select(_moves).where(_moves.c.model == model, _moves.c.alias == alias)
            rows = connection.execute(query.order_by(_moves.c.revision)).mappings().all()
            if not rows:
                raise NotFound.of("alias", f"{model}@{alias}")
            return [record(AliasMove, row) for row in rows]


def publish(database: Database, connection: Connection, release: Release, *, by: str | None) -> Version:
    """Make a version inside a transaction that the caller commits, together with what else must become visible."""
    known_job = sa.select(tables.jobs.c.id).where(tables.jobs.c.id == release.job_id)
    if release.job_id is not None and connection.scalar(known_job) is None:
        raise NotFound.of("job", release.job_id)
    now = database.now(connection)
    database.insert_new(connection, _models, columns(Model(release.model, now, latest=0)))
    model = record(Model, connection.execute(_named(release.model).with_for_update()).mappings().one())
    query = sa.select(_versions).where(
        _versions.c.model == release.model,
        _versions.c.job_id.is_not_distinct_from(release.job_id),
        _versions.c.onnx_sha256 == release.onnx_sha256,
    )
    if (row := connection.execute(query).mappings().one_or_none()) is not None:
        return _version(row)
    version = Version.of(release, model.latest + 1, now)
    connection.execute(sa.insert(_versions).values(columns(version)))
    connection.execute(sa.update(_models).where(_models.c.name == model.name).values(latest=version.version))
    if (promotion := release.promotion(version.version, by=by)) is not None:
        _move_alias(database, connection, promotion)
    return version


def _move_alias(database: Database, connection: Connection, wish: Repoint) -> Alias | None:
    _model(connection, wish.model, lock=True)
    if wish.version is not None:
        _get_version(connection, wish.model, wish.version)
    before = _alias(connection, wish.model, wish.alias)
    move = wish.move(before, database.now(connection), moves=_count_moves(connection, wish))
    if move is None:
        return before
    row = sa.and_(_aliases.c.model == wish.model, _aliases.c.alias == wish.alias)
    if move.result is None:
        connection.execute(sa.delete(_aliases).where(row))
    elif before is None:
        connection.execute(sa.insert(_aliases).values(columns(move.result)))
    else:
        connection.execute(sa.update(_aliases).where(row).values(columns(move.result)))
    connection.execute(sa.insert(_moves).values(columns(move)))
    return move.result


def _count_moves(connection: Connection, wish: Repoint) -> int:
    newest = sa.select(sa.func.max(_moves.c.revision)).where(_moves.c.model == wish.model, _moves.c.alias == wish.alias)
    return connection.scalar(newest) or 0


def _named(name: str) -> sa.Select[Any]:
    """A model's row, which stays when its last version goes: it holds the number of the next one."""
    return sa.select(_models).where(_models.c.name == name)


def _model(connection: Connection, name: str, *, lock: bool = False) -> Model:
    query = _named(name).where(_LIVES)
    row = connection.execute(query.with_for_update() if lock else query).mappings().one_or_none()
    if row is None:
        raise NotFound.of("model", name)
    return record(Model, row)


def _get_version(connection: Connection, model: str, version: int) -> Version:
    known = _model(connection, model)
    query = sa.select(_versions).where(_versions.c.model == model, _versions.c.version == version)
    row = connection.execute(query).mappings().one_or_none() if 1 <= version <= known.latest else None
    if row is None:
        raise NotFound.of("version", f"{model}@{version}")
    return _version(row)


def _alias(connection: Connection, model: str, alias: str) -> Alias | None:
    query = sa.select(_aliases).where(_aliases.c.model == model, _aliases.c.alias == alias)
    row = connection.execute(query).mappings().one_or_none()
    return None if row is None else record(Alias, row)


def _known_alias(connection: Connection, model: str, alias: str) -> Alias:
    _model(connection, model)
    known = _alias(connection, model, alias)
    if known is None:
        raise NotFound.of("alias", f"{model}@{alias}")
    return known
