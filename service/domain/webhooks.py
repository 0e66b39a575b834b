"""Webhooks: whom to tell of what. How a message is sent and tried again is in service/domain/deliveries.py."""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Literal, cast

from bpkd_core.errors import InvalidInput
from service.domain.events import StoredEvent
from service.domain.jobs import Job

EventName = Literal["job.queued", "job.running", "job.succeeded", "job.failed", "job.cancelled", "ping"]
SECRET_BYTES = 32
SECRET_PREFIX = "whsec_"  # noqa: S105  # nosec B105  # how secrets begin, not one
ROTATION_S = 24 * 3600.0
"""How long the secret before the last rotation signs too, so that receivers can change over without a gap."""


@dataclass(frozen=True)
class Webhook:
    """One endpoint.

    events: what it is told; none stands for all. job_id: the one job that it is told of, or None for every job.
    secret: `whsec_` and base64; kept as it is, because whoever signs must know it. old_secret: signs too until
    `old_secret_until`. failing_since: the first failure after the last success. disabled_at: nothing is sent any more.
    """

    id: str
    url: str
    secret: str = field(repr=False)
    created_at: datetime
    events: tuple[EventName, ...] = ()
    description: str = ""
    job_id: str | None = None
    created_by: str | None = None
    old_secret: str | None = field(default=None, repr=False)
    old_secret_until: datetime | None = None
    failing_since: datetime | None = None
    disabled_at: datetime | None = None
    disabled_reason: str | None = None

    def wants(self, event: EventName) -> bool:
        """Whether it is told of this; a ping reaches it in any case."""
        return self.disabled_at is None and (not self.events or event in self.events or event == "ping")

    def rotate(self, secret: str, now: datetime) -> Webhook:
        """A new secret; the one before signs too for a day."""
        until = now + timedelta(seconds=ROTATION_S)
        return replace(self, secret=secret, old_secret=self.secret, old_secret_until=until)

    def enable(self) -> Webhook:
        """Send again, as if nothing had failed."""
        return replace(self, failing_since=None, disabled_at=None, disabled_reason=None)

    def secrets(self, now: datetime) -> tuple[str, ...]:
        """What signs at a time, the newest first."""
        old = self.old_secret if self.old_secret_until is not None and now < self.old_secret_until else None
        return (self.secret,) if old is None else (self.secret, old)


def secret_of(entropy: bytes) -> str:
    """`whsec_` and the base64 of 32 random bytes."""
    if len(entropy) != SECRET_BYTES:
        raise ValueError(f"entropy has {len(entropy)} bytes; expected {SECRET_BYTES}")
    return SECRET_PREFIX + b64encode(entropy).decode()


def check_secret(secret: str, *, param: str) -> None:
    """Raise InvalidInput, which never repeats it, unless a secret that a caller chose can sign."""
    try:
        size = len(b64decode(secret.removeprefix(SECRET_PREFIX), validate=True))
    except ValueError:
        size = 0
    if not secret.startswith(SECRET_PREFIX) or not 24 <= size <= 64:
        raise InvalidInput(
            f"{param} is no secret of a webhook; expected whsec_ and the base64 of 24 to 64 random bytes", param=param
        )


@dataclass(frozen=True)
class Told:
    """What webhooks hear. message_id: the `webhook-id` header; of a job, the id of the event that it tells of."""

    message_id: str
    event: EventName
    data: Mapping[str, Any]


def told_of(job: Job, events: Sequence[StoredEvent]) -> list[Told]:
    """What webhooks hear of a job's new events.

    A wish to cancel changes no status, so it is not told; what became of it is.
    """
    return [
        Told(event.id, cast("EventName", f"job.{event.data['status']}"), _of(job, event.data))
        for event in events
        if event.type == "status" and not (event.data["status"] == "running" and event.data.get("cancel_requested"))
    ]


def _of(job: Job, data: Mapping[str, Any]) -> dict[str, Any]:
    """The job in short: enough to act upon; the rest is a request away."""
    return {
        "job": job.id,
        "name": job.name,
        "status": data["status"],
        "attempt": data["attempt"],
        "dataset": job.dataset_id,
        "model": job.model,
        "version": job.version,
        "error": None if job.error is None else dict(job.error),
        "metadata": dict(job.metadata),
    }
