"""Answers and pages."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from starlette.responses import Response

from service import schemas
from service.domain.ports import Listing

V = TypeVar("V")
W = TypeVar("W", bound=schemas.Wire)


def answer(body: schemas.Wire, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """A shape as a response."""
    return Response(body.model_dump_json(by_alias=True), status, headers, media_type="application/json")


def listing(found: Listing[V], shape: Callable[[V], W], name: Callable[[V], str]) -> schemas.List[W]:
    """One page. name: what `after` takes."""
    return whole([shape(each) for each in found.data], [name(each) for each in found.data], has_more=found.has_more)


def whole(data: Sequence[W], names: Sequence[str], *, has_more: bool = False) -> schemas.List[W]:
    """A list with the names of its ends."""
    first, last = (names[0], names[-1]) if names else (None, None)
    return schemas.List(data=list(data), has_more=has_more, first_id=first, last_id=last)
