"""API keys: the secret is shown once and only its hash is stored. What a key may do, and how much of it."""

from __future__ import annotations

import hashlib
from base64 import b32encode
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from service.domain.errors import QuotaExceeded

SECRET_BYTES = 20
Scope = Literal["read", "write", "infer", "admin"]
SCOPES: tuple[Scope, ...] = ("read", "write", "infer", "admin")
USED_EVERY_S = 60.0
"""How exactly `last_used_at` is kept: a write for each request would cost more than the request."""
_RETRY_S = 30.0


@dataclass(frozen=True)
class ApiKey:
    """One key. sha256: of the secret; as the secret holds 160 random bits, a slow hash would add nothing.

    scopes: what it may do; admin may do everything. max_running, max_queued: jobs of this key; None for no limit.
    """

    id: str
    name: str
    sha256: str
    created_at: datetime
    scopes: tuple[Scope, ...] = SCOPES
    expires_at: datetime | None = None
    max_running: int | None = None
    max_queued: int | None = None
    last_used_at: datetime | None = None

    def may(self, scope: Scope) -> bool:
        """Whether the key opens what needs this scope."""
        return scope in self.scopes or "admin" in self.scopes

    def expired(self, now: datetime) -> bool:
        """Whether its time is over."""
        return self.expires_at is not None and self.expires_at <= now

    def used_lately(self, now: datetime) -> bool:
        """Whether `last_used_at` is as exact as it is kept."""
        return self.last_used_at is not None and now - self.last_used_at < timedelta(seconds=USED_EVERY_S)


def refuse_queued(queued: int, limit: int) -> None:
    """Raise QuotaExceeded when a key that has `queued` jobs in the queue may not add one."""
    if queued >= limit:
        raise QuotaExceeded(
            f"This API key has {queued} jobs in the queue; it may have {limit}",
            retry_after_s=_RETRY_S,
            hint="Wait until one starts, cancel one, or ask for a key with a larger --max-queued.",
        )


def secret_of(entropy: bytes) -> str:
    """`bpkd_` and 32 characters, from 20 random bytes."""
    if len(entropy) != SECRET_BYTES:
        raise ValueError(f"entropy has {len(entropy)} bytes; expected {SECRET_BYTES}")
    return "bpkd_" + b32encode(entropy).decode().lower()


def digest(secret: str) -> str:
    """What is stored of a secret."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
