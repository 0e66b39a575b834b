"""Bodies as they stream in: bounded in bytes, and in the time that they may take."""

from __future__ import annotations

from asyncio import timeout
from time import monotonic

from starlette.types import Message, Receive

from service.domain.errors import TooLarge, TooSlow

PATIENCE_S = 20.0
LEAST_BYTES_PER_S = 4096
"""How long a body may take: some seconds, and one more for each so many bytes that it has brought."""


def too_large(limit: int) -> TooLarge:
    """`The body has more than 7 bytes, which is the most that is taken here.`"""
    return TooLarge(f"The body has more than {limit} bytes, which is the most that is taken here.")


def counted(receive: Receive, limit: int) -> Receive:
    """A body without a declared length ends as well: its next message raises TooLarge."""
    total = 0

    async def next_message() -> Message:
        nonlocal total
        message = await receive()
        total += len(message.get("body", b""))
        if total > limit:
            raise too_large(limit)
        return message

    return next_message


def hurried(receive: Receive, *, patience_s: float = PATIENCE_S) -> Receive:
    """A body that brings too little raises TooSlow; after its end one may wait for the caller's leaving at leisure."""
    total, whole, began = 0, False, monotonic()

    async def next_message() -> Message:
        nonlocal total, whole
        left_s = began + patience_s + total / LEAST_BYTES_PER_S - monotonic()
        try:
            async with timeout(None if whole else left_s):
                message = await receive()
        except TimeoutError as error:
            raise TooSlow(f"After {patience_s:g} s a body must bring {LEAST_BYTES_PER_S} bytes a second.") from error
        total += len(message.get("body", b""))
        whole = not message.get("more_body", False)
        return message

    return next_message
