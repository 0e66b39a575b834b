"""An S3-compatible store as a real HTTP server on loopback, and a proxy in front of it that behaves badly on demand."""

from __future__ import annotations

import logging
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import obstore
from moto.server import ThreadedMotoServer
from obstore.store import S3Store

if TYPE_CHECKING:
    from obstore.store import S3Config

BUCKET = "bpkd"


@contextmanager
def s3_server() -> Iterator[str]:
    """Its URL; it has one empty bucket."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        for method, path in (("POST", "moto-api/reset"), ("PUT", BUCKET)):  # its memory outlives a server
            urllib.request.urlopen(urllib.request.Request(f"http://{host}:{port}/{path}", method=method)).close()
        yield f"http://{host}:{port}"
    finally:
        server.stop()


def overwrite(endpoint: str, key: str, data: bytes) -> None:
    """Change an object behind everybody's back."""
    signed: S3Config = {"endpoint": endpoint, "region": "us-east-1", "access_key_id": "k", "secret_access_key": "s"}
    obstore.put(S3Store(BUCKET, config=signed, client_options={"allow_http": True}), key, data)


def artifacts_url(endpoint: str, prefix: str = "files") -> str:
    """For BPKD_ARTIFACTS_URL."""
    return f"s3://{BUCKET}/{prefix}?endpoint={endpoint}&region=us-east-1"
