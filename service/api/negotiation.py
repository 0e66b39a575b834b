"""Which media type to answer with (RFC 9110, section 12.5.1)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from fastapi import HTTPException

T = TypeVar("T", bound=str)


def choose(accept: str, offered: Sequence[T]) -> T:
    """The offered type that the caller likes best; the first one wins among equals. Raises HTTPException 406."""
    likes = [_parse(part) for part in accept.split(",") if part.strip()] or [("*/*", 1.0)]
    weights = {media_type: _weight(media_type, likes) for media_type in offered}
    best = max(offered, key=lambda media_type: weights[media_type])
    if weights[best] <= 0:
        raise HTTPException(
            406, f"Nothing in `Accept: {accept}` can be given; this address speaks {', '.join(offered)}."
        )
    return best


def _parse(part: str) -> tuple[str, float]:
    media_range, *parameters = (piece.strip().lower() for piece in part.split(";"))
    quality = next((value[2:] for value in parameters if value.startswith("q=")), "1")
    try:
        return media_range, min(max(float(quality), 0.0), 1.0)
    except ValueError:
        return media_range, 0.0


def _weight(media_type: str, likes: Sequence[tuple[str, float]]) -> float:
    """The quality of the most specific range that covers the type."""
    for candidate in (media_type, f"{media_type.partition('/')[0]}/*", "*/*"):
        if (found := dict(likes).get(candidate)) is not None:
            return found
    return 0.0
