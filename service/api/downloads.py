"""Files that never change, with ETag and single ranges (RFC 9110); a request for several ranges gets the whole file."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import quote

from fastapi import HTTPException
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from bpkd_core.bundle import FileInfo
from service.domain.ports import Artifacts

BLOCK_BYTES = 1 << 18
PLAIN = "text/plain; charset=utf-8"
MEDIA_TYPES = {".json": "application/json", ".png": "image/png", ".txt": PLAIN, ".log": PLAIN}
BINARY: dict[int | str, dict[str, Any]] = {
    200: {"content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}},
    206: {"description": "The bytes that `Range` asked for"},
    304: {"description": "`If-None-Match` names what the file still is"},
}
"""How a download is described in OpenAPI."""
_RANGE = re.compile(r"bytes=(\d{0,19})-(\d{0,19})")


def download(request: Request, artifacts: Artifacts, info: FileInfo, filename: str) -> Response:
    """A file by its hash, which is its ETag. Raises NotFound; 416 for a range beyond the end."""
    etag = f'"{info.sha256}"'
    headers = {"ETag": etag, "Accept-Ranges": "bytes", "Cache-Control": "private, max-age=31536000, immutable"}
    if _is_known(etag, request.headers.get("if-none-match", "")):
        return Response(status_code=304, headers=headers)
    path = artifacts.path(info.sha256)
    first, last = _wanted(request, etag, info.size)
    headers["X-Content-Type-Options"] = "nosniff"
    headers["Content-Length"] = str(last - first + 1)
    headers["Content-Disposition"] = f"attachment; filename*=utf-8''{quote(filename)}"
    whole = last - first + 1 == info.size
    if not whole:
        headers["Content-Range"] = f"bytes {first}-{last}/{info.size}"
    media_type = MEDIA_TYPES.get(Path(filename).suffix, "application/octet-stream")
    return _Download(path.open("rb"), (first, last), 200 if whole else 206, headers, media_type)


def _is_known(etag: str, condition: str) -> bool:
    """Whether the caller holds these bytes (RFC 9110, section 13.1.2: the weak comparison)."""
    return any(each.strip().removeprefix("W/") in (etag, "*") for each in condition.split(","))


def _wanted(request: Request, etag: str, size: int) -> tuple[int, int]:
    """First and last byte to send. What is no single range is ignored, as the standard allows."""
    asked = _RANGE.fullmatch(request.headers.get("range", ""))
    if asked is None or request.headers.get("if-range", etag) != etag or asked.groups() == ("", ""):
        return 0, size - 1
    start, end = asked.groups()
    first = int(start) if start else max(size - int(end), 0)
    last = min(int(end), size - 1) if start and end else size - 1
    if first > last:
        raise HTTPException(416, f"The file has {size} bytes.", {"Content-Range": f"bytes */{size}"})
    return first, last


def _blocks(file: BinaryIO, first: int, last: int) -> Iterator[bytes]:
    left = last - first + 1
    file.seek(first)
    while left > 0 and (block := file.read(min(BLOCK_BYTES, left))):
        left -= len(block)
        yield block


class _Download(StreamingResponse):
    """A part of an open file, which is closed with the answer, whether the caller stays to its end or not."""

    def __init__(
        self, file: BinaryIO, part: tuple[int, int], status: int, headers: Mapping[str, str], media_type: str
    ) -> None:
        super().__init__(_blocks(file, *part), status, headers, media_type)
        self._file = file

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._file.close()
