"""Downloads: streamed to disk, taken up where they broke off, compared with their hash, whole or absent."""

from __future__ import annotations

import hashlib
from contextlib import aclosing
from io import BufferedRandom
from pathlib import Path

import httpx

from service.client.aio.transport import AsyncFailures, AsyncTransport
from service.client.errors import Unreachable


async def save(transport: AsyncTransport, path: str, target: Path) -> Path:
    """Write what lies at a path of the server to a file. Raises Unreachable if what came has another hash."""
    partial = target.with_name(f".{target.name}.part")
    try:
        with partial.open("w+b") as file:
            etag = await _fill(transport, path, file)
            if etag.strip('"') != _sha256(file):
                raise Unreachable(f"{target.name} arrived damaged; download it again")
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)
    return target


async def _fill(transport: AsyncTransport, path: str, file: BufferedRandom) -> str:
    """Download into a file, over broken connections, and return the ETag of what it holds."""
    failures, etag = AsyncFailures(transport), ""
    while True:
        rest = {"Range": f"bytes={file.tell()}-", "If-Range": etag} if file.tell() else {}
        try:
            async with aclosing(await transport.send("GET", path, stream=True, headers=rest)) as answer:
                if answer.status_code != httpx.codes.PARTIAL_CONTENT:
                    file.seek(0)
                    file.truncate()
                etag = answer.headers["ETag"]
                async for block in answer.aiter_bytes():
                    file.write(block)
                    failures.forget()
            return etag
        except httpx.TransportError as error:
            await failures.bear(error)


def _sha256(file: BufferedRandom) -> str:
    file.seek(0)
    return hashlib.file_digest(file, "sha256").hexdigest()
