"""How a teacher comes in, and goes: its record, its file, its probe; then jobs name it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from service.domain import teachers
from service.domain.datasets import Dataset
from service.domain.errors import NotFound
from service.domain.idempotency import Once
from service.domain.ports import Artifacts, Hints, Teachers, Uploads
from service.domain.submission import require_ready
from service.domain.teachers import PARAM, Teacher
from service.domain.uploads import Received


class Parts(Protocol):
    """What of the service it takes."""

    @property
    def teachers(self) -> Teachers: ...  # noqa: D102 - the ports

    @property
    def artifacts(self) -> Artifacts: ...  # noqa: D102

    @property
    def uploads(self) -> Uploads: ...  # noqa: D102

    @property
    def hints(self) -> Hints: ...  # noqa: D102


def draft_teacher(
    file: Mapping[str, Any],
    dataset: Dataset,
    *,
    teacher_id: str,
    name: str,
    now: datetime,
    created_by: str | None = None,
    metadata: Mapping[str, str] | None = None,
) -> Teacher:
    """A teacher as it will be stored. Raises InvalidDataset or Conflict for a dataset that nothing can be tried on."""
    require_ready(dataset)
    return Teacher(
        id=teacher_id,
        name=name,
        file=file,
        dataset_id=dataset.id,
        classes=dataset.classes,
        created_at=now,
        created_by=created_by,
        metadata=metadata or {},
    )


def register(parts: Parts, draft: Teacher, path: Path | None, *, once: Once | None = None) -> Teacher:
    """Store a teacher, with a copy of the file at `path`; without one it waits for :func:`receive`.

    once: as in :func:`service.domain.submission.submit`.
    """
    if path is not None:
        draft = teachers.receive(draft, draft.created_at, info=parts.artifacts.keep(path))
    return _hinted(parts, parts.teachers.add(draft, once=once))


def receive(parts: Parts, teacher_id: str, came: Received) -> Teacher:
    """Keep the file that has come; the probe starts by itself. Raises Conflict if there is another one."""
    move = partial(teachers.receive, info=parts.artifacts.keep(came.path))
    teacher = parts.teachers.change(teacher_id, move, fence=None)
    parts.uploads.discard(teacher_id)
    return _hinted(parts, teacher)


def delete(parts: Parts, teacher_id: str) -> None:
    """Forget a teacher and what came of its file. Raises Conflict while a job needs it."""
    parts.teachers.delete(teacher_id)
    parts.uploads.discard(teacher_id)


def require_teacher(known: Teachers, request: Mapping[str, Any], dataset: Dataset) -> None:
    """Whether a job may be submitted with the teacher that it names, if it names a registered one.

    request: the validated request as JSON. Raises NotFound and what :func:`service.domain.teachers.require_fit` raises.
    """
    if request["teacher"]["type"] != "registered":
        return
    try:
        teacher = known.get(request["teacher"]["id"])
    except NotFound as error:
        hint = "`GET /v1/teachers?state=ready` lists those there are."
        raise NotFound(error.message, param=PARAM, hint=hint) from error
    teachers.require_fit(teacher, dataset, method=request["method"]["type"])


def _hinted(parts: Parts, teacher: Teacher) -> Teacher:
    if teacher.waits:
        parts.hints.hint("teacher")
    return teacher
