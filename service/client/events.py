"""Server-sent events, as the server writes them."""

from __future__ import annotations

from service.schemas import Event

SILENCE_S = 60.0
"""The server sends a sign of life every 15 seconds; after this long the connection is taken for dead."""
ENDED = frozenset({"succeeded", "failed", "cancelled"})


def event_of(line: str) -> Event | None:
    """The event in one line of a stream; its id and type are repeated inside, so the other lines need not be read."""
    return Event.model_validate_json(line.removeprefix("data:")) if line.startswith("data:") else None


def stream_headers(after: str | None) -> dict[str, str]:
    """What asks for a stream, from behind an event."""
    return {"Accept": "text/event-stream"} | ({"Last-Event-ID": after} if after else {})
