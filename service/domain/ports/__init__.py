"""What the domain needs from the world, as Protocols. Every adapter passes the contract tests in tests/contract/.

Every method is atomic, and durable when it returns. A store that cannot answer raises Unavailable (or StorageFull); an
unknown id raises NotFound. Methods block; an event loop calls them in threads, which is safe. Moves run under the
store's lock with the store's time: they are pure and quick.
"""

from __future__ import annotations

from service.domain.ports.access import Idempotency, Keys
from service.domain.ports.base import Clock, Entropy, Listing, NewId, Page, T
from service.domain.ports.datasets import DatasetFolders, Datasets
from service.domain.ports.jobs import EVERY_JOB, Events, JobFilter, Jobs
from service.domain.ports.machine import Artifacts, Hints, Workers
from service.domain.ports.queue import Census, Queue
from service.domain.ports.registry import Models
from service.domain.ports.teachers import EVERY_TEACHER, TeacherFilter, Teachers
from service.domain.ports.upkeep import Upkeep
from service.domain.ports.uploads import Growing, Uploads
from service.domain.ports.webhooks import Outgoing, WebhookMove, Webhooks

__all__ = [
    "EVERY_JOB",
    "EVERY_TEACHER",
    "Artifacts",
    "Census",
    "Clock",
    "DatasetFolders",
    "Datasets",
    "Entropy",
    "Events",
    "Growing",
    "Hints",
    "Idempotency",
    "JobFilter",
    "Jobs",
    "Keys",
    "Listing",
    "Models",
    "NewId",
    "Outgoing",
    "Page",
    "Queue",
    "T",
    "TeacherFilter",
    "Teachers",
    "Upkeep",
    "Uploads",
    "WebhookMove",
    "Webhooks",
    "Workers",
]
