"""Column types: times in UTC, JSON that comes back as the domain's values, keys that sort by code point."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from pydantic import TypeAdapter
from sqlalchemy.engine import Dialect

KEY = sa.String().with_variant(sa.String(collation="C"), "postgresql")
"""An id or a name. PostgreSQL would otherwise sort by the rules of some language, and differently from SQLite."""
SORTED_TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
"""Text that is also looked for by how it begins."""


class Timestamp(sa.TypeDecorator[datetime]):
    """A timezone-aware time, UTC. SQLite knows no time zones and keeps text that sorts by time."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """To the database."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"{value} has no time zone; expected UTC")
        moment = value.astimezone(UTC)
        return moment.replace(tzinfo=None) if dialect.name == "sqlite" else moment

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """From the database."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if dialect.name == "sqlite" else value.astimezone(UTC)


class Json(sa.TypeDecorator[Any]):
    """JSON in the database, a value of `shape` in Python: a dataclass, a Pydantic model, or a container of such."""

    impl = sa.JSON(none_as_null=True)
    cache_ok = True

    def __init__(self, shape: Any) -> None:
        super().__init__(none_as_null=True)
        self.shape = shape
        self._adapter: TypeAdapter[Any] = TypeAdapter(shape)

    def process_bind_param(self, value: Any, dialect: Dialect) -> Any:  # noqa: ARG002  # SQLAlchemy's signature
        """To the database."""
        return None if value is None else self._adapter.dump_python(value, mode="json")

    def process_result_value(self, value: Any, dialect: Dialect) -> Any:  # noqa: ARG002  # as above
        """From the database."""
        return None if value is None else self._adapter.validate_python(value)
