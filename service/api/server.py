"""One server process: it listens, answers, and at a signal finishes what it accepted."""

from __future__ import annotations

import logging
import socket
from collections.abc import Callable
from types import FrameType

import uvicorn
from fastapi import FastAPI

from service.api.app import create_app
from service.api.auth import admit_first_key, refuse_unlocked
from service.api.connection import Connection
from service.api.context import Context
from service.domain.errors import Conflict
from service.wiring import Service

BACKLOG = 1024
FINISH_S = 60
_log = logging.getLogger(__name__)


class Server(uvicorn.Server):
    """uvicorn, except that a signal turns readiness false and ends the event streams before it waits for the rest."""

    def __init__(self, app: FastAPI) -> None:
        config = uvicorn.Config(
            app,
            http=Connection,
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=FINISH_S,
        )
        super().__init__(config)
        self._context: Context = app.state.context

    def stop(self) -> None:
        """Take no new requests, finish the accepted ones, return from `run`. Safe from any thread."""
        self._context.stopping.set()
        self.should_exit = True

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002  # uvicorn's signature
        """At the first signal stop in good order, at the second at once."""
        self.force_exit = self.should_exit
        self.stop()


def serve(service: Service, *, announce: Callable[[str], None] = _log.info) -> None:
    """Serve until a signal. announce: gets the URL as soon as requests are queued by the kernel.

    Raises InvalidInput for an open address without a key, and Conflict for a port that is taken.
    """
    admit_first_key(service)
    refuse_unlocked(service)
    with listen(service.settings.host, service.settings.port) as listener:
        announce(url_of(listener))
        Server(create_app(service)).run([listener])


def listen(host: str, port: int) -> socket.socket:
    """A listening socket; port 0 takes a free one. Raises Conflict."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=BACKLOG)
    except OSError as error:
        raise Conflict(
            f"The API cannot listen on {host}:{port} ({error.strerror}); choose another address or port",
            hint="BPKD_HOST and BPKD_PORT say where; port 0 takes a free one.",
        ) from error


def url_of(listener: socket.socket) -> str:
    """Where a socket can be reached."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
