"""Records and rows: a column has its field's name, and a lease is spread over three columns."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.engine import Connection, RowMapping

from service.domain.leases import Lease
from service.domain.ports import Listing, Page

T = TypeVar("T")


def record(kind: type[T], row: RowMapping) -> T:
    """The dataclass that a row holds."""
    names = [field.name for field in fields(kind)]  # pyright: ignore[reportArgumentType]  # T is a dataclass
    values = {name: row[name] for name in names if name != "lease"}
    if "lease" in names:
        values["lease"] = Lease(row["owner"], row["fence"], row["lease_until"])
    return kind(**values)


def columns(value: Any) -> dict[str, Any]:
    """The row that holds a dataclass."""
    row = {field.name: getattr(value, field.name) for field in fields(value)}
    lease = row.pop("lease", None)
    return row if lease is None else {**row, "owner": lease.owner, "fence": lease.fence, "lease_until": lease.until}


def changes(before: Any, after: Any) -> dict[str, Any]:
    """The columns in which two values of a dataclass differ: a heartbeat need not write the whole row anew."""
    known = columns(before)
    return {name: value for name, value in columns(after).items() if value != known[name]}


def listing(
    connection: Connection,
    query: sa.Select[Any],
    by: sa.Column[Any],
    page: Page,
    shape: Callable[[RowMapping], T],
    *,
    after: Any,
) -> Listing[T]:
    """One page of a query, ordered by a unique column."""
    newest_first = page.order == "desc"
    if after is not None:
        query = query.where(by < after if newest_first else by > after)
    query = query.order_by(by.desc() if newest_first else by.asc()).limit(page.limit + 1)
    rows = connection.execute(query).mappings().all()
    return Listing(tuple(shape(row) for row in rows[: page.limit]), has_more=len(rows) > page.limit)
