"""What a request says of the bytes of an upload: `Content-Range` (RFC 9110, section 14.4), and how long its body is."""

from __future__ import annotations

import re

from starlette.requests import Request

from bpkd_core.errors import InvalidInput
from service.domain.errors import TooLarge
from service.domain.uploads import Piece

_RANGE = re.compile(r"bytes (?:(\d{1,18})-(\d{1,18})|\*)/(\d{1,18})")


def asks_where_it_stands(request: Request) -> bool:
    """Whether a request sends nothing and only asks how much is held."""
    return request.headers.get("content-range", "").startswith("bytes */")


def read_piece(request: Request, limit: int) -> Piece:
    """What the headers announce. Raises InvalidInput and TooLarge."""
    said, length = request.headers.get("content-range"), request.headers.get("content-length")
    size = int(length) if length is not None else None
    piece = _ranged(said, size) if said is not None else Piece(total=size)
    if piece.total == 0:
        raise InvalidInput("The upload has no bytes; expected the bytes of a file as the body")
    if (piece.total or 0) > limit:
        raise TooLarge(f"The upload has {piece.total} bytes; at most {limit} are taken here")
    return piece


def _ranged(said: str, size: int | None) -> Piece:
    match = _RANGE.fullmatch(said)
    if match is None:
        raise _bad_range(said, "`bytes FIRST-LAST/TOTAL`, or `bytes */TOTAL` to ask how many bytes are held")
    total = int(match[3])
    if match[1] is None:
        return Piece(size=0, total=total)
    first, last = int(match[1]), int(match[2])
    if not first <= last < total:
        raise _bad_range(said, "FIRST to be at most LAST, and LAST to be less than TOTAL")
    if size not in (None, last - first + 1):
        raise _bad_range(said, f"a range of {size} bytes, as Content-Length has it")
    return Piece(first, last - first + 1, total)


def _bad_range(said: str, expected: str) -> InvalidInput:
    return InvalidInput(f'Content-Range is "{said[:80]}"; expected {expected}', param="Content-Range")
