"""API keys, and answers kept for a repeat."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from service.domain.idempotency import Answer, Once
from service.domain.keys import ApiKey


class Keys(Protocol):
    """API keys."""

    def add(self, key: ApiKey) -> None:
        """Store a key, unless its secret is known already: two servers may let the same first key in."""
        ...

    def find(self, sha256: str) -> ApiKey | None:
        """The key whose secret has this hash, expired or not: one look-up by an index."""
        ...

    def touch(self, key_id: str) -> None:
        """Write that a key is in use, by the store's clock. An unknown one is no error."""
        ...

    def list(self) -> Sequence[ApiKey]:
        """Every key, oldest first."""
        ...

    def revoke(self, key_id: str) -> None:
        """Forget a key."""
        ...


class Idempotency(Protocol):
    """Answers by Idempotency-Key, kept for 24 hours."""

    def begin(self, once: Once) -> Answer | None:
        """The stored answer, or None: the caller is the first and must `finish` or `abandon`.

        Raises IdempotencyInFlight while another request holds the key, and IdempotencyMismatch.
        """
        ...

    def finish(self, once: Once, answer: Answer) -> None:
        """Store the answer."""
        ...

    def abandon(self, once: Once) -> None:
        """The request failed and may be tried again with the same key."""
        ...
