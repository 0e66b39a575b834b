"""Files that come in as raw bytes: streamed to disk, never held in memory, resumable, counted, hashed.

A `PUT` of the whole body is one piece. A piece of a larger whole says so by `Content-Range: bytes 0-1048575/5000000`;
`bytes */5000000` and no body asks where the upload stands. While bytes are missing the answer is 202 with
`Upload-Offset`, the number of bytes that are held, which is where the next piece begins. `Repr-Digest: sha-256=:...:`
(RFC 9530) has the whole compared with its hash.
"""

from __future__ import annotations

import asyncio
import base64
import re
from collections.abc import AsyncIterator
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from bpkd_core.errors import InvalidInput
from service import schemas
from service.api import shapes
from service.api.content_range import read_piece
from service.api.context import Context
from service.domain.errors import TooLarge, TooSlow
from service.domain.ports import Growing, Uploads
from service.domain.uploads import Partial, Piece, Received

BLOCK_BYTES = 1 << 18
SILENCE_S = 60.0
"""A sender that says nothing for so long is taken for gone."""
OFFSET = "Upload-Offset"
BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    },
    "parameters": [
        {
            "name": "Content-Range",
            "in": "header",
            "required": False,
            "schema": {"type": "string", "pattern": r"^bytes (\d{1,18}-\d{1,18}|\*)/\d{1,18}$"},
            "description": "which bytes of the whole these are; `bytes */TOTAL` and no body asks how many are held",
        }
    ],
}
"""How an upload's request is described in OpenAPI: `openapi_extra` of its route."""
PARTIAL: dict[int | str, dict[str, Any]] = {
    202: {
        "model": schemas.Upload,
        "description": "Bytes are missing; `Upload-Offset` says where to go on",
        "headers": {OFFSET: {"schema": {"type": "integer"}, "description": "how many bytes are held"}},
    }
}
"""How the answer to a piece is described in OpenAPI: `responses` of its route."""
_DIGEST = re.compile(r"(?:.*,)?\s*sha-256=:([A-Za-z0-9+/]{43}=):.*")


async def receive(
    request: Request, here: Context, record_id: str, *, limit_bytes: int | None = None
) -> Received | Partial:
    """Take what a request sends of a record's upload, and say whether everything has come.

    limit_bytes: the most that the whole may have, at most the setting max_upload_bytes, which is the default. What came
    before a broken connection, a full disk or the end of this process is kept. A Received file lies among the uploads:
    move it to where it belongs (it is swept after a day). Raises InvalidInput, TooLarge, WrongOffset, StorageFull, and
    Conflict while another request sends the same upload.
    """
    uploads, most = here.service.uploads, here.service.settings.max_upload_bytes
    limit = min(limit_bytes or most, most)
    piece = read_piece(request, limit)
    if piece.asks:
        found = await run_in_threadpool(_standing, uploads, record_id, piece)
        return await _verified(request, uploads, record_id, found) if isinstance(found, Received) else found
    growing = await run_in_threadpool(uploads.grow, record_id, first=piece.first, total=piece.total)
    try:
        held = piece.first + await _pour(request, growing, piece, limit)
        if held < (piece.total or 0):
            return Partial(held, piece.total)
        if not held:
            raise InvalidInput("The upload has no bytes; expected the bytes of a file as the body")
        received = await run_in_threadpool(growing.finish)
    finally:
        growing.close()
    return await _verified(request, uploads, record_id, received)


def incomplete(partial: Partial) -> Response:
    """202: how many bytes are held, and that more are expected."""
    return shapes.answer(shapes.upload(partial), 202, {OFFSET: str(partial.held)})


def _standing(uploads: Uploads, record_id: str, piece: Piece) -> Received | Partial:
    """What is held; a process that died between the last byte and its answer has left the end to us."""
    whole, held = uploads.whole(record_id), uploads.held(record_id)
    if whole is not None and whole.size == piece.total:
        return whole
    if held != piece.total:
        return Partial(held, piece.total)
    growing = uploads.grow(record_id, first=held)
    try:
        return growing.finish()
    finally:
        growing.close()


async def _pour(request: Request, growing: Growing, piece: Piece, limit: int) -> int:
    """Body to disk; how many bytes there were. What came before an error has been written when it is raised."""
    room = piece.size if piece.size is not None else limit
    poured = 0
    async for block in _blocks(request):
        poured += len(block)
        if poured > room:
            raise TooLarge(f"The body has more bytes than the {room} that were announced or are allowed")
        await run_in_threadpool(growing.write, block)
    return poured


async def _blocks(request: Request) -> AsyncIterator[bytes]:
    """The body in blocks that are worth a trip to a thread, the last ones before a broken connection included."""
    stream, waiting = request.stream(), bytearray()
    try:
        while True:
            async with asyncio.timeout(SILENCE_S):
                waiting += await anext(stream)
            if len(waiting) >= BLOCK_BYTES:
                yield bytes(waiting)
                waiting.clear()
    except StopAsyncIteration:
        yield bytes(waiting)
    except ClientDisconnect:
        yield bytes(waiting)
        raise
    except TimeoutError as error:
        yield bytes(waiting)
        raise TooSlow(f"Nothing came for {SILENCE_S:g} s; what came before is kept, so go on from there") from error


async def _verified(request: Request, uploads: Uploads, record_id: str, received: Received) -> Received:
    """Compare with `Repr-Digest`, if it was sent. Raises InvalidInput and forgets the bytes."""
    said = _DIGEST.fullmatch(request.headers.get("repr-digest", ""))
    if said and base64.b64decode(said[1]).hex() != received.sha256:
        await run_in_threadpool(uploads.discard, record_id)
        raise InvalidInput(
            f"What came has the sha256 {received.sha256}, which is not what Repr-Digest says; send the file again",
            param="Repr-Digest",
        )
    return received
