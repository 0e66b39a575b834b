"""The composition root: the only place that knows which adapter stands behind which port."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial

from bpkd_core.errors import InvalidInput
from service.adapters.cache import Cache
from service.adapters.dataset_folders import FileDatasetFolders
from service.adapters.files import FileArtifacts
from service.adapters.hints import NoHints
from service.adapters.memory import (
    MemoryDatasets,
    MemoryEvents,
    MemoryIdempotency,
    MemoryJobs,
    MemoryKeys,
    MemoryModels,
    MemoryQueue,
    MemoryStore,
    MemoryTeachers,
    MemoryUpkeep,
    MemoryWebhooks,
    MemoryWorkers,
)
from service.adapters.outgoing import HttpOutgoing
from service.adapters.places import Bucket, parse_place
from service.adapters.uploads import FileUploads
from service.domain.destinations import Destinations
from service.domain.ids import ENTROPY_BYTES, Prefix, new_id
from service.domain.ports import (
    Artifacts,
    Clock,
    DatasetFolders,
    Datasets,
    Entropy,
    Events,
    Hints,
    Idempotency,
    Jobs,
    Keys,
    Models,
    NewId,
    Outgoing,
    Queue,
    Teachers,
    Upkeep,
    Uploads,
    Webhooks,
    Workers,
)
from service.settings import MEMORY_URL, Settings


@dataclass(frozen=True)
class Service:
    """Settings and ports, ready to use. `ping` raises Unavailable when the store cannot be used; `close` lets go."""

    settings: Settings
    jobs: Jobs
    events: Events
    datasets: Datasets
    teachers: Teachers
    models: Models
    keys: Keys
    webhooks: Webhooks
    idempotency: Idempotency
    workers: Workers
    queue: Queue
    upkeep: Upkeep
    artifacts: Artifacts
    uploads: Uploads
    dataset_folders: DatasetFolders
    hints: Hints
    outgoing: Outgoing
    now: Clock
    new_id: NewId
    entropy: Entropy
    ping: Callable[[], None]
    close: Callable[[], None]


def wire(settings: Settings) -> Service:
    """Bind every port. A SQL store is brought to the newest schema first, under a lock."""
    return _memory_service(settings) if settings.database == MEMORY_URL else _sql_service(settings)


def _memory_service(settings: Settings) -> Service:
    store = MemoryStore(_now)
    return _around(settings)(
        jobs=MemoryJobs(store),
        events=MemoryEvents(store),
        datasets=MemoryDatasets(store),
        teachers=MemoryTeachers(store),
        models=MemoryModels(store),
        keys=MemoryKeys(store),
        webhooks=MemoryWebhooks(store),
        upkeep=MemoryUpkeep(store),
        idempotency=MemoryIdempotency(store),
        workers=MemoryWorkers(store),
        queue=MemoryQueue(store),
        ping=lambda: None,
        close=lambda: None,
    )


def _sql_service(settings: Settings) -> Service:
    from service.adapters import sql  # SQLAlchemy and Alembic cost 0.4 s to import

    database = sql.Database(settings.database)
    sql.upgrade(database)
    return _around(settings)(
        jobs=sql.SqlJobs(database),
        events=sql.SqlEvents(database),
        datasets=sql.SqlDatasets(database),
        teachers=sql.SqlTeachers(database),
        models=sql.SqlModels(database),
        keys=sql.SqlKeys(database),
        webhooks=sql.SqlWebhooks(database),
        upkeep=sql.SqlUpkeep(database),
        idempotency=sql.SqlIdempotency(database),
        workers=sql.SqlWorkers(database),
        queue=sql.SqlQueue(database),
        ping=partial(sql.require_schema, database),
        close=database.close,
    )


def _around(settings: Settings) -> partial[Service]:
    """A service that lacks its store: files, broker, clock and chance are the same beside every one."""
    return partial(
        Service,
        settings=settings,
        artifacts=_artifacts(settings),
        uploads=FileUploads(settings.home / "uploads"),
        dataset_folders=FileDatasetFolders(settings.home / "datasets"),
        hints=_hints(settings),
        outgoing=_outgoing(settings),
        now=_now,
        new_id=_new_id,
        entropy=os.urandom,
    )


def _artifacts(settings: Settings) -> Artifacts:
    place = parse_place(settings.artifacts_url) if settings.artifacts_url else settings.artifacts_folder
    if isinstance(place, Bucket):
        return _bucket(settings, place)
    artifacts = FileArtifacts(place)
    artifacts.sweep(_now())
    return artifacts


def _bucket(settings: Settings, bucket: Bucket) -> Artifacts:
    try:
        from service.adapters.s3 import open_bucket  # only who has a bucket needs the library
    except ImportError as error:
        raise InvalidInput(
            "Files in an object store need obstore, which is not installed",
            param="artifacts_url",
            hint="pip install 'bpkd[s3]'",
        ) from error
    secret = settings.s3_secret_access_key
    keys = {
        "access_key_id": settings.s3_access_key_id,
        "secret_access_key": secret.get_secret_value() if secret else None,
    }
    cache = Cache(settings.home / "cache", limit_bytes=settings.cache_bytes)
    cache.trim(_now())
    return open_bucket(replace(bucket, **keys), cache)


def _outgoing(settings: Settings) -> Outgoing:
    return HttpOutgoing(Destinations(settings.webhook_private_hosts))


def _hints(settings: Settings) -> Hints:
    if settings.redis_url is None:
        return NoHints()
    from service.adapters.celery_hints import CeleryHints  # only who has a broker pays for the import

    return CeleryHints(settings.redis_url)


def _now() -> datetime:
    return datetime.now(UTC)


def _new_id(prefix: Prefix) -> str:
    return new_id(prefix, now=_now(), entropy=os.urandom(ENTROPY_BYTES))
