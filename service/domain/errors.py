"""Every way in which the service refuses or fails, as a branch of :mod:`bpkd_core.errors`.

::

    BpkdError
    ├── NotFound                not_found                no record or file of that id, or it is not yours
    ├── Conflict                conflict                 the record's state does not allow it
    │   ├── IdempotencyInFlight idempotency_in_flight    the first request with this key is still being answered
    │   ├── WrongOffset         wrong_offset             a piece of an upload does not begin where the held bytes end
    │   └── FenceLost           fence_lost               somebody else holds the work now: stop and write nothing
    ├── StalePrecondition       precondition_failed      the record was changed since it was read
    ├── IdempotencyMismatch     idempotency_mismatch     the key was used with another body
    ├── Unauthorized            unauthorized             no key, or an unknown one
    ├── Forbidden               forbidden                a known key that may not do this
    ├── TooLarge                too_large                more bytes than the limit
    ├── UnsupportedMediaType    unsupported_media_type   a body, or a wanted answer, of a type that is not spoken
    ├── TooSlow                 too_slow                 a body that arrives more slowly than anybody waits
    ├── DeadlineExceeded        deadline_exceeded        no answer within the time that the caller gave
    ├── Busy                    busy                     the queue is full; try again after `retry_after_s`
    │   └── QuotaExceeded       quota_exceeded           the API key has as many jobs as it may have
    ├── Unavailable             unavailable              the database or a file store does not answer
    └── Poisoned                poison                   the work killed every process that tried it

The HTTP status of each is chosen in service/api/errors.py.
"""

from __future__ import annotations

from bpkd_core.errors import BpkdError
from bpkd_core.errors import StorageFull as StorageFull  # the core meets it too


class NotFound(BpkdError):
    """No record or file of that id."""

    code = "not_found"

    @classmethod
    def of(cls, kind: str, key: object, *, hint: str | None = None) -> NotFound:
        """`There is no job "job_1".` One word for a kind is also the parameter to blame."""
        return cls(f'There is no {kind} "{key}".', param=kind if kind.isidentifier() else None, hint=hint)


class Conflict(BpkdError):
    """The record's state does not allow what was asked."""

    code = "conflict"


class IdempotencyInFlight(Conflict):
    """The first request with this Idempotency-Key is still being answered."""

    code = "idempotency_in_flight"
    retryable = True

    @classmethod
    def of(cls, key: str) -> IdempotencyInFlight:
        """`The first request with the Idempotency-Key "k" is still in work; try again in a moment`"""
        return cls(f'The first request with the Idempotency-Key "{key}" is still in work; try again in a moment')


class WrongOffset(Conflict):
    """A piece of an upload does not begin where the held bytes end. `held` says how many there are."""

    code = "wrong_offset"

    def __init__(self, message: str, *, held: int = 0, param: str | None = None, hint: str | None = None) -> None:
        super().__init__(message, param=param, hint=hint)
        self.held = held

    @classmethod
    def of(cls, first: int, held: int) -> WrongOffset:
        """`The piece begins at byte 7 and 5 bytes are held; expected the next piece to begin at byte 5`."""
        return cls(
            f"The piece begins at byte {first} and {held} bytes are held; expected the next piece to begin at byte "
            f"{held}",
            held=held,
            param="Content-Range",
            hint="`Upload-Offset` says where to go on; a piece that begins at byte 0 starts afresh.",
        )


class FenceLost(Conflict):
    """The lease ended and the work is somebody else's now: the holder stops at once and writes nothing."""

    code = "fence_lost"


class StalePrecondition(BpkdError):
    """The record was changed since the caller read it."""

    code = "precondition_failed"


class IdempotencyMismatch(BpkdError):
    """The Idempotency-Key was used before with another body."""

    code = "idempotency_mismatch"


class Unauthorized(BpkdError):
    """No API key, or an unknown one."""

    code = "unauthorized"


class Forbidden(BpkdError):
    """A known caller who may not do this."""

    code = "forbidden"


class TooLarge(BpkdError):
    """More bytes than the limit."""

    code = "too_large"


class UnsupportedMediaType(BpkdError):
    """A body, or a wanted answer, of a media type that is not spoken."""

    code = "unsupported_media_type"


class TooSlow(BpkdError):
    """The body arrives more slowly than the server waits; what was not read is dropped with the connection."""

    code = "too_slow"
    retryable = True


class DeadlineExceeded(BpkdError):
    """There is no answer within the time that the caller gave; what had not begun by then is not done."""

    code = "deadline_exceeded"
    retryable = True


class Busy(BpkdError):
    """The queue is full. `retry_after_s` says when to try again."""

    code = "busy"
    retryable = True

    def __init__(
        self,
        message: str,
        *,
        retry_after_s: float = 1.0,
        param: str | None = None,
        hint: str | None = None,
    ) -> None:
        super().__init__(message, param=param, hint=hint)
        self.retry_after_s = retry_after_s


class QuotaExceeded(Busy):
    """The API key has as many jobs as it may have. `retry_after_s` says when to try again."""

    code = "quota_exceeded"


class Unavailable(BpkdError):
    """The database or a file store does not answer now."""

    code = "unavailable"
    retryable = True


class Poisoned(BpkdError):
    """Work that ended every process that tried it, without progress in between."""

    code = "poison"
