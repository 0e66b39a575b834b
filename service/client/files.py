"""Downloads: streamed to disk, compared with their hash, whole or absent."""

from __future__ import annotations

import hashlib
from contextlib import closing
from pathlib import Path

from service.client.errors import Unreachable
from service.client.transport import Transport


def save(transport: Transport, path: str, target: Path) -> Path:
    """Write what lies at a path of the server to a file. Raises Unreachable if what came has another hash."""
    partial = target.with_name(f".{target.name}.part")
    digest = hashlib.sha256()
    try:
        with closing(transport.send("GET", path, stream=True)) as answer, partial.open("wb") as file:
            for block in answer.iter_bytes():
                digest.update(block)
                file.write(block)
        if answer.headers["ETag"].strip('"') != digest.hexdigest():
            raise Unreachable(f"{target.name} arrived damaged; download it again")
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)
    return target
