"""Artifacts in an S3-compatible object store: `<prefix>/kept/<sha256>`, read through a local cache.

Objects appear whole or not at all, so the store itself keeps the promise that files.py keeps by renaming.
"""

# ruff: noqa: D102  # the methods are documented in service/domain/ports
from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import obstore
from obstore.exceptions import BaseError
from obstore.store import S3Store

from bpkd_core.bundle import FileInfo
from bpkd_core.errors import InvalidInput
from service.adapters.cache import Cache
from service.adapters.files import SHA256
from service.adapters.places import Bucket
from service.domain.errors import NotFound, Unavailable

if TYPE_CHECKING:
    from obstore.store import ClientConfig, RetryConfig, S3Config

_BLOCK_BYTES = 1 << 20
_REST_S = 5.0
"""After a failure the store is left alone for so long: a worker that keeps pictures must not miss its heartbeats."""
_CONNECT_S = 3.0
_TIMEOUT_S = 20.0
_RETRIES: RetryConfig = {"max_retries": 3, "retry_timeout": timedelta(seconds=10)}
"""All tries together stay below the lease of a worker, which waits for them."""


class S3Artifacts:
    """The port Artifacts. Raises Unavailable when the store has not answered after a few tries."""

    def __init__(self, store: S3Store, cache: Cache, *, clock: Callable[[], float] = time.monotonic) -> None:
        """clock: seconds that only grow."""
        self._store, self._cache, self._clock = store, cache, clock
        self._rests_until = 0.0

    def keep(self, source: Path) -> FileInfo:
        return self._upload(*self._cache.keep(source))

    def keep_bytes(self, data: bytes) -> FileInfo:
        return self._upload(*self._cache.keep_blocks([data]))

    def path(self, sha256: str) -> Path:
        if not SHA256.fullmatch(sha256):
            raise NotFound.of("artifact", sha256)
        return self._cache.find(sha256) or self._download(sha256)

    def kept(self, *, before: datetime) -> Iterator[str]:
        return self._older("kept", before)

    def set_aside(self, sha256: str) -> None:
        self._move(sha256, "kept", "aside")

    def aside(self, *, before: datetime) -> Iterator[str]:
        return self._older("aside", before)

    def bring_back(self, sha256: str) -> None:
        self._move(sha256, "aside", "kept")

    def delete(self, sha256: str) -> None:
        with self._asking():
            obstore.delete(self._store, f"aside/{sha256}")

    def _upload(self, info: FileInfo, path: Path) -> FileInfo:
        with self._asking():
            if not self._has(info.sha256):
                obstore.put(self._store, f"kept/{info.sha256}", path)
        return info

    def _has(self, sha256: str) -> bool:
        with suppress(FileNotFoundError):
            obstore.head(self._store, f"kept/{sha256}")
            return True
        return False

    def _download(self, sha256: str) -> Path:
        with self._asking():
            info, path = self._cache.keep_blocks(self._read(sha256))
        if info.sha256 != sha256:
            self._cache.drop(info.sha256)
            raise Unavailable(f"The object kept/{sha256} does not hold what its name says; restore it from a backup")
        return path

    def _read(self, sha256: str) -> Iterator[bytes]:
        if not self._has(sha256):
            self.bring_back(sha256)
        try:
            blocks = obstore.get(self._store, f"kept/{sha256}").stream(_BLOCK_BYTES)
        except FileNotFoundError:
            raise NotFound.of("artifact", sha256) from None
        yield from map(bytes, blocks)

    def _move(self, sha256: str, source: str, target: str) -> None:
        with self._asking(), suppress(FileNotFoundError):
            obstore.rename(self._store, f"{source}/{sha256}", f"{target}/{sha256}")

    def _older(self, folder: str, before: datetime) -> Iterator[str]:
        with self._asking():
            batches = obstore.list(self._store, prefix=f"{folder}/")  # pyright: ignore[reportUnknownMemberType]
            for batch in batches:
                yield from (found["path"].rpartition("/")[2] for found in batch if found["last_modified"] < before)

    @contextmanager
    def _asking(self) -> Generator[None]:
        if self._clock() < self._rests_until:
            raise Unavailable("The object store did not answer a moment ago; try again in a few seconds")
        try:
            yield
        except BaseError as error:
            self._rests_until = self._clock() + _REST_S
            raise Unavailable(f"The object store does not answer as it should ({_first_line(error)})") from error


def open_bucket(bucket: Bucket, cache: Cache, *, timeout_s: float = _TIMEOUT_S) -> S3Artifacts:
    """Artifacts in a bucket, of which nothing is asked yet. Raises InvalidInput for half a pair of credentials.

    timeout_s: of one request, which carries up to 5 MiB.
    """
    config: S3Config = {}
    if bucket.endpoint:
        config["endpoint"] = bucket.endpoint
    if bucket.region:
        config["region"] = bucket.region
    if bucket.access_key_id:
        config["access_key_id"] = bucket.access_key_id
    if bucket.secret_access_key:
        config["secret_access_key"] = bucket.secret_access_key
    requests: ClientConfig = {
        "connect_timeout": timedelta(seconds=_CONNECT_S),
        "timeout": timedelta(seconds=timeout_s),
        "allow_http": bucket.plain_http,
    }
    prefix = bucket.prefix or None
    try:
        store = S3Store(bucket.name, prefix=prefix, config=config, client_options=requests, retry_config=_RETRIES)
    except BaseError as error:
        raise InvalidInput(
            f"The object store cannot be used ({_first_line(error)})",
            param="artifacts_url",
            hint="Set BPKD_S3_ACCESS_KEY_ID and BPKD_S3_SECRET_ACCESS_KEY, or neither where the machine has a role.",
        ) from error
    return S3Artifacts(store, cache)


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0][:300]
