"""Clocks, ids and pages."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, Literal, TypeVar

from bpkd_core.errors import InvalidInput
from service.domain.ids import Prefix

T = TypeVar("T")
Clock = Callable[[], datetime]
"""The time now, timezone-aware UTC."""
NewId = Callable[[Prefix], str]
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
            raise InvalidInput(f'after is "{self.after}"; expected the number of the last one seen', param="after")
        return int(self.after)


@dataclass(frozen=True)
class Listing(Generic[T]):
    """One page. has_more: whether there are more after the last one."""

    data: tuple[T, ...]
    has_more: bool
