"""An S3-compatible store as a real HTTP server on loopback, and a proxy in front of it that behaves badly on demand."""

from __future__ import annotations

import logging
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager

from moto.server import ThreadedMotoServer

BUCKET = "bpkd"


@contextmanager
def s3_server() -> Iterator[str]:
    """Its URL; it has one empty bucket."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        make_bucket(f"http://{host}:{port}")
        yield f"http://{host}:{port}"
    finally:
        server.stop()


def make_bucket(endpoint: str) -> None:
    """The bucket of the tests."""
    with urllib.request.urlopen(urllib.request.Request(f"{endpoint}/{BUCKET}", method="PUT")):
        pass


def artifacts_url(endpoint: str, prefix: str = "files") -> str:
    """For BPKD_ARTIFACTS_URL."""
    return f"s3://{BUCKET}/{prefix}?endpoint={endpoint}&region=us-east-1"
