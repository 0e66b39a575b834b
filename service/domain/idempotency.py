"""Answers that are given once: an Idempotency-Key, the hash of the body it came with, and the answer it got."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from service.domain.errors import IdempotencyMismatch

KEEP_S = 24 * 3600.0
IN_FLIGHT_S = 60.0
"""A request that has no answer after this time died with its server; the next one with its key takes over."""


@dataclass(frozen=True)
class Once:
    """A caller's promise that two requests are one. scope: caller, method and path, so that others' keys never meet."""

    scope: str
    key: str
    body_sha256: str

    def check(self, seen_sha256: str) -> None:
        """Raise IdempotencyMismatch if the key came with another body before."""
        if seen_sha256 != self.body_sha256:
            raise IdempotencyMismatch(
                f'The Idempotency-Key "{self.key}" was used with another body; send the same body, or a new key',
                param="Idempotency-Key",
            )


@dataclass(frozen=True)
class Answer:
    """A response as it was sent. body: JSON."""

    status: int
    body: Any
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
