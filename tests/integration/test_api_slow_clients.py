"""Callers that hold a connection and say little: they are let go, and the others are served meanwhile."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from fakes.servers import serving
from fakes.services import memory_service

from service.api.connection import Connection

HEAD = b"POST /v1/datasets HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
SLOW = 100


@pytest.fixture
def url(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setattr(Connection, "patience_s", 0.5)
    with serving(memory_service(tmp_path)) as url:
        yield url


def connect(url: str) -> socket.socket:
    parts = urlsplit(url)
    return socket.create_connection((parts.hostname, parts.port), timeout=30)


def pour(caller: socket.socket, piece: bytes) -> None:
    """A piece after the other, 64 GiB of them."""
    for _ in range(1 << 20):
        caller.sendall(piece)


def rest_of(caller: socket.socket) -> bytes:
    """Everything until the server closes."""
    return b"".join(iter(lambda: caller.recv(1 << 16), b""))


def test_slow_heads_keep_nobody_else_waiting_and_are_let_go(url: str) -> None:
    # F34 in small form: each holds a connection, none holds a thread
    with ExitStack() as stack:
        slow = [stack.enter_context(connect(url)) for _ in range(SLOW)]
        for caller in slow:
            caller.sendall(HEAD)  # and never the empty line that ends it
        assert httpx.get(f"{url}/healthz").status_code == 200
        assert [rest_of(caller) for caller in slow] == [b""] * SLOW


def test_a_connection_between_two_requests_is_kept(url: str) -> None:
    # the clock is for those who began and do not go on
    with httpx.Client(base_url=url) as http:
        assert [http.get("/healthz").status_code for _ in range(3)] == [200] * 3


def test_an_endless_body_is_answered_and_ends(url: str) -> None:
    # F33: the answer is there to be read, and the connection is not drained for ever
    with connect(url) as caller:
        caller.sendall(HEAD + b"Transfer-Encoding: chunked\r\n\r\n")
        with pytest.raises(OSError):
            pour(caller, b"10000\r\n" + bytes(1 << 16) + b"\r\n")


def test_what_is_no_http_is_refused_as_a_problem(url: str) -> None:
    # one kind of error, even where there is no request yet
    for nonsense in (b"\x16\x03\x01\x02\x00\r\n\r\n", HEAD + b"Content-Length: x\r\n\r\n"):
        with connect(url) as caller:
            caller.sendall(nonsense)
            answer = rest_of(caller)
        assert answer.startswith(b"HTTP/1.1 400 ")
        assert b"application/problem+json" in answer
        assert b"/problems/malformed" in answer
