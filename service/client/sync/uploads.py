# Made from service/client/aio/uploads.py; change it there (service/client/__init__.py says how).
"""Uploads: streamed from disk, taken up where they broke off, compared with their hash by the server."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path

import httpx

from service.client.errors import RequestFailed
from service.client.sync.transport import Failures, Transport

BLOCK_BYTES = 1 << 18
OFFSET = "Upload-Offset"
OVERTAKEN = frozenset({"conflict", "wrong_offset"})
Tell = Callable[[int, int], None]
"""Called as (bytes that are there, bytes in all)."""


def upload(
    transport: Transport, path: str, source: Path, *, progress: Tell = lambda _there, _total: None
) -> httpx.Response:
    """PUT a file to a path of the server, over broken connections and restarts; returns the answer to its last byte.

    What the server holds, of an earlier call too, is not sent again. Raises OSError for a file that cannot be read.
    """
    failures, held = Failures(transport), 0
    with source.open("rb") as file:
        whole = Whole(transport, path, file, _digest(transport, file), source.stat().st_size, progress)
        while True:
            try:
                answer = whole.standing()
                there = int(answer.headers.get(OFFSET, held))
                if there > held:
                    failures.forget()
                    held = there
                if OFFSET in answer.headers:
                    answer = whole.send_from(held)
                if OFFSET not in answer.headers:
                    return answer
            except (httpx.TransportError, RequestFailed) as error:
                failures.bear(error, passes=failures.count > 0 and _is_overtaken(error))


@dataclass(frozen=True)
class Whole:
    """A file on its way to a path of the server."""

    transport: Transport
    path: str
    file: BufferedReader
    digest: str
    size: int
    progress: Tell

    def standing(self) -> httpx.Response:
        """Ask how many bytes the server holds."""
        return self._put(f"bytes */{self.size}", None)

    def send_from(self, first: int) -> httpx.Response:
        """Send everything from a byte on."""
        headers = {"Content-Length": str(self.size - first)}
        return self._put(f"bytes {first}-{self.size - 1}/{self.size}", self._blocks(first), headers)

    def _put(
        self, content_range: str, body: Iterator[bytes] | None, headers: dict[str, str] | None = None
    ) -> httpx.Response:
        headers = {
            "Content-Type": "application/octet-stream",
            "Content-Range": content_range,
            "Repr-Digest": self.digest,
            **(headers or {}),
        }
        return self.transport.attempt("PUT", self.path, content=body, headers=headers)

    def _blocks(self, first: int) -> Iterator[bytes]:
        self.file.seek(first)
        while block := self.file.read(BLOCK_BYTES):
            yield block
            self.progress(self.file.tell(), self.size)


def _is_overtaken(error: Exception) -> bool:
    """Whether the server still listened to the connection that broke, and so to this upload's last request."""
    return isinstance(error, RequestFailed) and error.problem.code in OVERTAKEN


def _digest(transport: Transport, file: BufferedReader) -> str:
    """The sha256 of a whole file as a header (RFC 9530), so that a file which changed meanwhile is found out."""
    digest = hashlib.sha256()
    while block := file.read(BLOCK_BYTES):
        digest.update(block)
        transport.sleep(0)  # a loop with other work is not held up
    return f"sha-256=:{base64.b64encode(digest.digest()).decode()}:"
