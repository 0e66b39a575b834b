"""How a teacher comes in, and goes: its record, its file, its probe; then jobs name it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

from service.domain.datasets import Dataset
from service.domain.errors import NotFound
from service.domain.idempotency import Once
from service.domain.ports import Artifacts, Hints, Teachers, Uploads
from service.domain.submission import require_ready
from service.domain.teachers import PARAM, Teacher, receive, require_fit
from service.domain.uploads import Received


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


def register(
    teachers: Teachers,
    artifacts: Artifacts,
    hints: Hints,
    draft: Teacher,
    path: Path | None,
    *,
    once: Once | None = None,
) -> Teacher:
    """Store a teacher, with a copy of the file at `path`; without one it waits for :func:`take_in`.

    once: as in :func:`service.domain.submission.submit`.
    """
    if path is not None:
        draft = receive(draft, draft.created_at, info=artifacts.keep(path))
    return _hinted(hints, teachers.add(draft, once=once))


def take_in(
    teachers: Teachers, artifacts: Artifacts, uploads: Uploads, hints: Hints, teacher_id: str, received: Received
) -> Teacher:
    """All of a file has come: its probe starts. Raises Conflict if there is another file."""
    info = artifacts.keep(received.path)
    teacher = teachers.change(teacher_id, partial(receive, info=info), fence=None)
    uploads.discard(teacher_id)
    return _hinted(hints, teacher)


def forget(teachers: Teachers, uploads: Uploads, teacher_id: str) -> None:
    """Delete a teacher and what came of its file. Raises Conflict while a job needs it."""
    teachers.delete(teacher_id)
    uploads.discard(teacher_id)


def require_teacher(teachers: Teachers, request: Mapping[str, Any], dataset: Dataset) -> None:
    """Whether a job may be submitted with the teacher that it names, if it names a registered one.

    request: the validated request as JSON. Raises NotFound and what :func:`service.domain.teachers.require_fit` raises.
    """
    if request["teacher"]["type"] != "registered":
        return
    try:
        teacher = teachers.get(request["teacher"]["id"])
    except NotFound as error:
        hint = "`GET /v1/teachers?state=ready` lists those there are."
        raise NotFound(error.message, param=PARAM, hint=hint) from error
    require_fit(teacher, dataset, method=request["method"]["type"])


def _hinted(hints: Hints, teacher: Teacher) -> Teacher:
    if teacher.waits:
        hints.hint("teacher")
    return teacher
