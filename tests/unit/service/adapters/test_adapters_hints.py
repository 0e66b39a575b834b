from __future__ import annotations

import logging
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from service.adapters.celery_hints import CeleryHints
from service.adapters.hints import NoHints


@contextmanager
def silent_broker() -> Iterator[int]:
    """The port of a socket that lets itself be connected to and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_without_a_broker_a_hint_is_nothing() -> None:
    """The embedded default polls."""
    NoHints().hint("job")


def test_a_dead_broker_costs_the_caller_nothing_and_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    """F9: Redis is down at submit; the job is stored, and the request must not notice."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    hints = CeleryHints(f"redis://127.0.0.1:{port}/0")
    with caplog.at_level(logging.WARNING):
        hints.hint("job")
        deadline = time.monotonic() + 20
        while "was not sent" not in caplog.text and time.monotonic() < deadline:
            time.sleep(0.01)
    assert "was not sent" in caplog.text


def test_a_silent_broker_fills_a_short_queue_and_never_blocks(caplog: pytest.LogCaptureFixture) -> None:
    """F11: a broker that accepts and says nothing; a thousand submits later memory and latency are what they were.

    Were a hint to wait for its turn, this would take an hour.
    """
    with silent_broker() as port, caplog.at_level(logging.WARNING):
        hints = CeleryHints(f"redis://127.0.0.1:{port}/0")
        for _ in range(1000):
            hints.hint("dataset")
    assert caplog.text.count("was dropped") > 900
