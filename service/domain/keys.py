"""API keys: the secret is shown once and only its hash is stored."""

from __future__ import annotations

import hashlib
from base64 import b32encode
from dataclasses import dataclass
from datetime import datetime

SECRET_BYTES = 20


@dataclass(frozen=True)
class ApiKey:
    """One key. sha256: of the secret; as the secret holds 160 random bits, a slow hash would add nothing."""

    id: str
    name: str
    sha256: str
    created_at: datetime


def secret_of(entropy: bytes) -> str:
    """`bpkd_` and 32 characters, from 20 random bytes."""
    if len(entropy) != SECRET_BYTES:
        raise ValueError(f"entropy has {len(entropy)} bytes; expected {SECRET_BYTES}")
    return "bpkd_" + b32encode(entropy).decode().lower()


def digest(secret: str) -> str:
    """What is stored of a secret."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
