"""One connection: uvicorn's, with a clock beside each wait for a request, and broken requests refused as problems."""

from __future__ import annotations

import asyncio
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from service.schemas import Problem

PATIENCE_S = 20.0
"""How long the head of a request may take, and the rest of a body that was refused before its end."""


class Connection(H11Protocol):
    """A caller that sends a byte now and then holds a connection for no longer than `PATIENCE_S`."""

    patience_s = PATIENCE_S

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._clock: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]  # as uvicorn has it
        """Wait for the first request."""
        super().connection_made(transport)
        self._wait()

    def on_response_complete(self) -> None:
        """Wait for the next request; uvicorn's own clock stops at its first byte."""
        self._wait()
        super().on_response_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the clock."""
        self._stop()
        super().connection_lost(exc)

    def send_400_response(self, msg: str) -> None:
        """What is no HTTP: too long a head, broken framing."""
        body = _problem(f"{msg} The head of a request is at most 64 KiB.")
        head = h11.Response(status_code=400, headers=_HEADERS, reason=b"Bad Request")
        for event in (head, h11.Data(data=body), h11.EndOfMessage()):
            self.transport.write(self.conn.send(event) or b"")
        self.transport.close()

    def _wait(self) -> None:
        self._stop()
        self._clock = self.loop.call_later(self.patience_s, self._give_up)

    def _stop(self) -> None:
        if self._clock is not None:
            self._clock.cancel()

    def _give_up(self) -> None:
        if not self.cycle or self.cycle.response_complete:
            self.transport.close()


_HEADERS = [(b"content-type", b"application/problem+json"), (b"connection", b"close")]


def _problem(detail: str) -> bytes:
    problem = Problem(type="/problems/malformed", title="Bad Request", status=400, detail=detail, code="malformed")
    return problem.model_dump_json(exclude_none=True).encode()
