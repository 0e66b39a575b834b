"""The schema. A column is named like the field that it keeps; service/adapters/sql/migrations creates the same."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Boolean, Column, ForeignKey, ForeignKeyConstraint, Index, Integer, String, Table, Text

from bpkd_core.bundle import ClassInfo, FileInfo
from service.adapters.sql.types import KEY, SORTED_TEXT, Json, Timestamp
from service.domain.datasets import Overlay
from service.domain.deliveries import Attempt
from service.domain.gates import Gate
from service.domain.idempotency import Answer
from service.domain.jobs import Mark, Progress, StageState
from service.domain.keys import Scope
from service.domain.webhooks import EventName

metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

_OBJECT = Mapping[str, Any]
_STRINGS = Mapping[str, str]
_NUMBERS = Mapping[str, float]
_FILES = Mapping[str, FileInfo]
_CLASSES = tuple[ClassInfo, ...]


def _lease() -> list[Column[Any]]:
    return [
        Column("owner", String),
        Column("fence", Integer, nullable=False),
        Column("lease_until", Timestamp, index=True),
    ]


datasets = Table(
    "datasets",
    metadata,
    Column("id", KEY, primary_key=True),
    Column("name", Text, nullable=False),
    Column("path", Text, nullable=False),
    Column("created_at", Timestamp, nullable=False),
    Column("created_by", String),
    Column("metadata", Json(_STRINGS), nullable=False),
    Column("state", String, nullable=False),
    Column("layout", String, nullable=False),
    Column("labels", String, nullable=False),
    Column("report", Json(_OBJECT)),
    Column("sha256", String),
    Column("classes", Json(_CLASSES), nullable=False),
    Column("splits", Json(Mapping[str, int]), nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("error", Json(_OBJECT)),
    Column("checked_at", Timestamp),
    Column("uploaded", Boolean, nullable=False),
    Column("samples", Json(tuple[Overlay, ...]), nullable=False),
    Column("deleted_at", Timestamp),
    *_lease(),
    Index(None, "state", "id"),
)

teachers = Table(
    "teachers",
    metadata,
    Column("id", KEY, primary_key=True),
    Column("name", Text, nullable=False),
    Column("file", Json(_OBJECT), nullable=False),
    Column("dataset_id", KEY, nullable=False),
    Column("classes", Json(_CLASSES), nullable=False),
    Column("created_at", Timestamp, nullable=False),
    Column("created_by", String),
    Column("metadata", Json(_STRINGS), nullable=False),
    Column("state", String, nullable=False),
    Column("sha256", String),
    Column("size", sa.BigInteger),
    Column("probe", Json(_OBJECT)),
    Column("attempt", Integer, nullable=False),
    Column("error", Json(_OBJECT)),
    Column("checked_at", Timestamp),
    *_lease(),
    Index(None, "state", "id"),
    Index(None, "dataset_id", "id"),
)

jobs = Table(
    "jobs",
    metadata,
    Column("id", KEY, primary_key=True),
    Column("name", SORTED_TEXT, nullable=False),
    Column("request", Json(_OBJECT), nullable=False),
    Column("dataset_id", KEY, ForeignKey("datasets.id"), nullable=False),
    Column("created_at", Timestamp, nullable=False),
    Column("created_by", String),
    Column("metadata", Json(_STRINGS), nullable=False),
    Column("priority", Integer, nullable=False),
    Column("teacher_id", KEY),
    Column("retry_of", KEY),
    Column("status", String, nullable=False),
    Column("cancel_requested", Boolean, nullable=False),
    Column("started_at", Timestamp),
    Column("finished_at", Timestamp),
    Column("attempt", Integer, nullable=False),
    Column("attempts_without_progress", Integer, nullable=False),
    Column("worker", String),
    Column("stage", String),
    Column("stages", Json(tuple[StageState, ...]), nullable=False),
    Column("progress", Json(Progress)),
    Column("latest", Json(_NUMBERS), nullable=False),
    Column("best", Json(_NUMBERS), nullable=False),
    Column("checkpoint", Json(Mark)),
    Column("error", Json(_OBJECT)),
    Column("result", Json(_OBJECT)),
    Column("files", Json(_FILES), nullable=False),
    Column("model", KEY),
    Column("version", Integer),
    *_lease(),
    Column("last_seq", Integer, nullable=False, comment="seq of the newest event"),
    Index(None, "status", "id"),
    Index(None, "dataset_id", "id"),
    Index(None, "teacher_id", "id"),
    Index(None, "model", "id"),
    Index(None, "name", "id"),
    Index(None, "created_by", "status"),
    Index(None, "status", "priority", "created_by", "id"),
)

job_metadata = Table(
    "job_metadata",
    metadata,
    Column("key", KEY, primary_key=True),
    Column("value", KEY, primary_key=True),
    Column("job_id", KEY, ForeignKey("jobs.id"), primary_key=True, index=True),
    comment="the pairs of jobs.metadata, to find jobs by",
)

events = Table(
    "events",
    metadata,
    Column("job_id", KEY, ForeignKey("jobs.id"), primary_key=True),
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("type", String, nullable=False),
    Column("at", Timestamp, nullable=False),
    Column("data", Json(_OBJECT), nullable=False),
)

models = Table(
    "models",
    metadata,
    Column("name", KEY, primary_key=True),
    Column("created_at", Timestamp, nullable=False),
    Column("latest", Integer, nullable=False),
)

versions = Table(
    "versions",
    metadata,
    Column("model", KEY, ForeignKey("models.name"), primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("job_id", KEY, ForeignKey("jobs.id")),
    Column("dataset_sha256", String),
    Column("onnx_sha256", String, nullable=False),
    Column("files", Json(_FILES), nullable=False),
    Column("classes", Json(_CLASSES), nullable=False),
    Column("result", Json(_OBJECT)),
    Column("provenance", Json(_STRINGS), nullable=False),
    Column("created_at", Timestamp, nullable=False),
    Column("gates", Json(tuple[Gate, ...]), nullable=False, server_default="[]"),
    Column("created_by", String),
    Column("seal", KEY, index=True),
    sa.UniqueConstraint("model", "job_id", "onnx_sha256"),
)

aliases = Table(
    "aliases",
    metadata,
    Column("model", KEY, primary_key=True),
    Column("alias", KEY, primary_key=True),
    Column("version", Integer, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("moved_at", Timestamp, nullable=False),
    Column("moved_by", String),
    ForeignKeyConstraint(["model", "version"], ["versions.model", "versions.version"]),
)

alias_moves = Table(
    "alias_moves",
    metadata,
    Column("model", KEY, ForeignKey("models.name"), primary_key=True),
    Column("alias", KEY, primary_key=True),
    Column("revision", Integer, primary_key=True, autoincrement=False),
    Column("kind", String, nullable=False),
    Column("from_version", Integer),
    Column("to_version", Integer),
    Column("at", Timestamp, nullable=False),
    Column("by", String),
    Column("reason", Text),
)

api_keys = Table(
    "api_keys",
    metadata,
    Column("id", KEY, primary_key=True),
    Column("name", Text, nullable=False),
    Column("sha256", String, nullable=False, unique=True),
    Column("created_at", Timestamp, nullable=False),
    Column("scopes", Json(tuple[Scope, ...]), nullable=False),
    Column("expires_at", Timestamp),
    Column("max_running", Integer),
    Column("max_queued", Integer),
    Column("last_used_at", Timestamp),
)

webhooks = Table(
    "webhooks",
    metadata,
    Column("id", KEY, primary_key=True),
    Column("url", Text, nullable=False),
    Column("secret", Text, nullable=False),
    Column("created_at", Timestamp, nullable=False),
    Column("events", Json(tuple[EventName, ...]), nullable=False),
    Column("description", Text, nullable=False),
    Column("job_id", KEY, ForeignKey("jobs.id"), index=True),
    Column("created_by", String),
    Column("old_secret", Text),
    Column("old_secret_until", Timestamp),
    Column("failing_since", Timestamp),
    Column("disabled_at", Timestamp),
    Column("disabled_reason", Text),
    Column("last_number", Integer, nullable=False, comment="number of the newest delivery"),
)

deliveries = Table(
    "deliveries",
    metadata,
    Column("webhook_id", KEY, ForeignKey("webhooks.id"), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("message_id", String, nullable=False),
    Column("type", String, nullable=False),
    Column("body", Text, nullable=False),
    Column("created_at", Timestamp, nullable=False, index=True),
    Column("state", String, nullable=False),
    Column("tries", Integer, nullable=False),
    Column("attempts", Json(tuple[Attempt, ...]), nullable=False),
    Column("next_at", Timestamp, index=True),
)

idempotency = Table(
    "idempotency",
    metadata,
    Column("scope", KEY, primary_key=True),
    Column("key", KEY, primary_key=True),
    Column("body_sha256", String, nullable=False),
    Column("expires_at", Timestamp, nullable=False, index=True),
    Column("held_until", Timestamp),
    Column("resource_id", String),
    Column("answer", Json(Answer)),
)

workers = Table(
    "workers",
    metadata,
    Column("id", KEY, primary_key=True),
    Column("host", String, nullable=False),
    Column("pid", Integer, nullable=False),
    Column("version", String, nullable=False),
    Column("started_at", Timestamp, nullable=False),
    Column("seen_at", Timestamp, nullable=False, index=True),
    Column("holds", Json(tuple[str, ...]), nullable=False),
)

chores = Table(
    "chores",
    metadata,
    Column("name", KEY, primary_key=True),
    Column("due_at", Timestamp, nullable=False),
)
