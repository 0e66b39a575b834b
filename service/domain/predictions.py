"""The id of a prediction says who made it: it is written down nowhere, and yet cannot be made up.

::

    pred_ + base 32 of   time 6 bytes | mark 6 | nonce 12 | kind 1 | signature 7

time: milliseconds since 1970, so that ids sort by time. mark: the first bytes of the version's seal, which find it.
nonce: the request's id, where the server made that (`kind` says so), else random. signature: HMAC-SHA256 of all before
it, under the rest of the seal, which never leaves the store.
"""

from __future__ import annotations

import base64
import hmac
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Self

SEAL_BYTES = 32
MARK_BYTES, NONCE_BYTES, SIGNATURE_BYTES = 6, 12, 7
PREFIX = "pred_"
REQUEST_PREFIX = "req_"
MAX_SECONDS = datetime.max.replace(tzinfo=UTC).timestamp()
_BODY_BYTES = 6 + MARK_BYTES + NONCE_BYTES + 1
_OURS = str.maketrans("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", "0123456789abcdefghjkmnpqrstvwxyz")
_THEIRS = {new: old for old, new in _OURS.items()}
_ID = re.compile(r"pred_[0-9a-hjkmnp-tv-z]{52}")
_REQUEST = re.compile(r"req_[0-9a-f]{24}")


@dataclass(frozen=True)
class Trace:
    """What an id holds. request_id: None where the caller had named its request itself."""

    at: datetime
    mark: str
    request_id: str | None
    body: bytes
    signature: bytes

    @classmethod
    def read(cls, prediction_id: str) -> Self | None:
        """None for what is no such id."""
        if not _ID.fullmatch(prediction_id):
            return None
        raw = base64.b32decode(prediction_id.removeprefix(PREFIX).translate(_THEIRS) + "====")
        body, signature = raw[:_BODY_BYTES], raw[_BODY_BYTES:]
        seconds, mark, nonce, kind = int.from_bytes(body[:6]) / 1000, body[6:12], body[12:24], body[24]
        if seconds > MAX_SECONDS:
            return None
        return cls(
            at=datetime.fromtimestamp(seconds, UTC),
            mark=mark.hex(),
            request_id=REQUEST_PREFIX + nonce.hex() if kind else None,
            body=body,
            signature=signature,
        )

    def is_of(self, seal: str) -> bool:
        """Whether a version with this seal signed it."""
        return hmac.compare_digest(self.signature, _sign(seal, self.body))


def prediction_id(seal: str, *, now: datetime, request_id: str, entropy: bytes) -> str:
    """The id of one mask. entropy: 12 random bytes, for a request whose id the server did not make."""
    ours = _REQUEST.fullmatch(request_id) is not None
    nonce = bytes.fromhex(request_id.removeprefix(REQUEST_PREFIX)) if ours else entropy
    milliseconds = int(now.timestamp() * 1000).to_bytes(6)
    body = milliseconds + bytes.fromhex(seal[: 2 * MARK_BYTES]) + nonce + bytes([ours])
    encoded = base64.b32encode(body + _sign(seal, body)).decode()
    return PREFIX + encoded.rstrip("=").translate(_OURS)


def _sign(seal: str, body: bytes) -> bytes:
    return hmac.digest(bytes.fromhex(seal[2 * MARK_BYTES :]), body, "sha256")[:SIGNATURE_BYTES]
