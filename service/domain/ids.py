"""Ids that sort by time: a prefix and 26 characters of Crockford's base 32, as in the ULID specification."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Literal

Prefix = Literal["ds", "tch", "job", "key", "wh", "msg"]

ENTROPY_BYTES = 10
_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_CHARACTERS = 26


def new_id(prefix: Prefix, *, now: datetime, entropy: bytes) -> str:
    """`job_` and 48 bits of milliseconds since 1970, then 80 random bits.

    now: timezone-aware. entropy: 10 random bytes. Ids of different milliseconds sort as text like their times.
    """
    if len(entropy) != ENTROPY_BYTES:
        raise ValueError(f"entropy has {len(entropy)} bytes; expected {ENTROPY_BYTES}")
    number = int(now.timestamp() * 1000) << 80 | int.from_bytes(entropy)
    digits = (_ALPHABET[number >> 5 * place & 31] for place in reversed(range(_CHARACTERS)))
    return f"{prefix}_{''.join(digits)}"


def first_id(prefix: Prefix, moment: datetime) -> str:
    """The smallest id that could have been made at a moment or after it: what a list by age is cut at.

    Moments before 1970 have the smallest id of all.
    """
    since_1970 = max(moment, datetime.fromtimestamp(0, tz=UTC))
    return new_id(prefix, now=since_1970, entropy=bytes(ENTROPY_BYTES))
