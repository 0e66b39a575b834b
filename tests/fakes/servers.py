"""A real server on a free loopback port: in a thread of this process, or as a process of its own."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread

from fastapi import FastAPI

from service.api import create_app
from service.api.server import Server, listen, url_of
from service.wiring import Service

ROOT = Path(__file__).parents[2]


@contextmanager
def serving(service: Service) -> Iterator[str]:
    """The URL of a server that stops with the block."""
    with listening(create_app(service)) as url:
        yield url


@contextmanager
def listening(app: FastAPI) -> Iterator[str]:
    """The URL of an application's server that stops with the block."""
    with listen("127.0.0.1", 0) as listener:
        server = Server(app)
        thread = Thread(target=server.run, args=([listener],))
        thread.start()
        try:
            yield url_of(listener)
        finally:
            server.stop()
            thread.join()


@contextmanager
def process(home: Path, port: int, **settings: str) -> Iterator[subprocess.Popen[str]]:
    """`python -m service.api`, killed with the block if it still runs."""
    environment = {"BPKD_HOME": str(home), "BPKD_PORT": str(port), **settings}
    child = subprocess.Popen(
        [sys.executable, "-m", "service.api"],
        cwd=ROOT,
        env=environment,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield child
    finally:
        child.kill()
        child.communicate()


def free_port() -> int:
    """One that was free a moment ago."""
    with listen("127.0.0.1", 0) as listener:
        return listener.getsockname()[1]
