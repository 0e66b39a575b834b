"""Uploads: streamed from disk, taken up where they broke off, compared with their hash by the server."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path

import httpx

from service.client.aio.transport import AsyncFailures, AsyncTransport
from service.client.errors import RequestFailed

BLOCK_BYTES = 1 << 18
OFFSET = "Upload-Offset"
OVERTAKEN = frozenset({"conflict", "wrong_offset"})
Tell = Callable[[int, int], None]
"""Called as (bytes that are there, bytes in all)."""


def say_nothing(_there: int, _total: int) -> None:
    """The progress that nobody asked for."""


async def upload(
    transport: AsyncTransport, path: str, source: Path, *, sha256: str | None = None, progress: Tell = say_nothing
) -> httpx.Response:
    """PUT a file to a path of the server, over broken connections and restarts; returns the answer to its last byte.

    What the server holds, of an earlier call too, is not sent again. sha256: of the file, if it is known; the server
    compares, so that a file which changed between two calls is found out. Raises OSError where the file cannot be read.
    """
    digest = _header(sha256 or await hash_file(transport, source))
    failures, held = AsyncFailures(transport), 0
    with source.open("rb") as file:
        whole = AsyncWhole(transport, path, file, digest, source.stat().st_size, progress)
        while True:
            try:
                answer = await whole.standing()
                there = int(answer.headers.get(OFFSET, held))
                if there > held:
                    failures.forget()
                    held = there
                if OFFSET in answer.headers:
                    answer = await whole.send_from(there)
                if OFFSET not in answer.headers:
                    return answer
            except (httpx.TransportError, RequestFailed) as error:
                await failures.bear(error, passes=failures.count > 0 and _is_overtaken(error))


@dataclass(frozen=True)
class AsyncWhole:
    """A file on its way to a path of the server."""

    transport: AsyncTransport
    path: str
    file: BufferedReader
    digest: str
    size: int
    progress: Tell

    async def standing(self) -> httpx.Response:
        """Ask how many bytes the server holds."""
        return await self._put(f"bytes */{self.size}", None)

    async def send_from(self, first: int) -> httpx.Response:
        """Send everything from a byte on."""
        headers = {"Content-Length": str(self.size - first)}
        return await self._put(f"bytes {first}-{self.size - 1}/{self.size}", self._blocks(first), headers)

    async def _put(
        self, content_range: str, body: AsyncIterator[bytes] | None, headers: dict[str, str] | None = None
    ) -> httpx.Response:
        headers = {
            "Content-Type": "application/octet-stream",
            "Content-Range": content_range,
            "Repr-Digest": self.digest,
            **(headers or {}),
        }
        return await self.transport.attempt("PUT", self.path, content=body, headers=headers)

    async def _blocks(self, first: int) -> AsyncIterator[bytes]:
        self.file.seek(first)
        while block := self.file.read(BLOCK_BYTES):
            yield block
            self.progress(self.file.tell(), self.size)


def _is_overtaken(error: Exception) -> bool:
    """Whether the server still listened to the connection that broke, and so to this upload's last request."""
    return isinstance(error, RequestFailed) and error.problem.code in OVERTAKEN


async def hash_file(transport: AsyncTransport, source: Path) -> str:
    """The sha256 of a file. Raises OSError."""
    digest = hashlib.sha256()
    with source.open("rb") as file:
        while block := file.read(BLOCK_BYTES):
            digest.update(block)
            await transport.sleep(0)  # a loop with other work is not held up
    return digest.hexdigest()


def _header(sha256: str) -> str:
    """As RFC 9530 writes it."""
    return f"sha-256=:{base64.b64encode(bytes.fromhex(sha256)).decode()}:"
