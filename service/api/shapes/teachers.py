"""Teachers in the shape of the wire."""

from __future__ import annotations

from service import schemas
from service.domain import teachers


def teacher(value: teachers.Teacher) -> schemas.Teacher:
    """A teacher with the one number of its probe."""
    return schemas.Teacher.model_validate(
        {
            "id": value.id,
            "name": value.name,
            "dataset": value.dataset_id,
            "file": value.file,
            "state": value.state,
            "sha256": value.sha256,
            "size": value.size,
            "classes": value.classes,
            "miou": value.probe["miou"] if value.probe else None,
            "error": value.error,
            "created_at": value.created_at,
            "checked_at": value.checked_at,
            "metadata": value.metadata,
        }
    )


def probe(value: teachers.Teacher) -> schemas.TeacherProbe | None:
    """What its probe found, once there is one."""
    return schemas.TeacherProbe.model_validate({**value.probe, "teacher": value.id}) if value.probe else None
