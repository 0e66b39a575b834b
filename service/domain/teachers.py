"""A teacher as a value, and its moves: its file comes, a worker probes it, then it is ready or refused for good."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Literal

from bpkd_core import catalog
from bpkd_core.bundle import ClassInfo, FileInfo
from bpkd_core.errors import InvalidModel, InvalidSpec
from service.domain.datasets import Dataset
from service.domain.errors import Conflict
from service.domain.leases import Lease

State = Literal["uploading", "probing", "ready", "refused"]
PARAM = "teacher.id"
NAMED = 6  # classes in a sentence


@dataclass(frozen=True)
class Teacher:
    """A file that can teach, tried on the labelled images of a dataset.

    file: what it is, as JSON: `{"type": "onnx", "input": ..., "output": ..., "classes": ...}`, or `{"type":
    "checkpoint", "arch": ...}`. classes: the dataset's at that time, which it answers in. sha256, size: of its bytes,
    which are in Artifacts. probe: :class:`bpkd_core.foreign.Probe` as JSON, once there is one. attempt: 1, and one more
    after each probe that died. error: why it was refused. checked_at: when it became ready or was refused.
    """

    id: str
    name: str
    file: Mapping[str, Any]
    dataset_id: str
    classes: tuple[ClassInfo, ...]
    created_at: datetime
    created_by: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict[str, str])
    state: State = "uploading"
    sha256: str | None = None
    size: int | None = None
    probe: Mapping[str, Any] | None = None
    attempt: int = 1
    error: Mapping[str, Any] | None = None
    checked_at: datetime | None = None
    lease: Lease = field(default_factory=Lease)

    def evolve(self, **changes: Any) -> Teacher:
        """The same teacher with some fields changed."""
        return replace(self, **changes)

    @property
    def waits(self) -> bool:
        """Whether a worker may take it to probe it."""
        return self.state == "probing" and self.lease.owner is None

    @property
    def file_name(self) -> str:
        """What its file is called where it is used; its maker's name for it is nobody's business there."""
        return f"{self.id}.{self.file['type']}"


TeacherMove = Callable[[Teacher, datetime], Teacher]


def receive(teacher: Teacher, _now: datetime, *, info: FileInfo) -> Teacher:
    """Its bytes are stored; the probe may begin. Safe to repeat with the same bytes. Raises Conflict."""
    if teacher.sha256 == info.sha256:
        return teacher
    if teacher.state != "uploading":
        raise Conflict(
            f"Teacher {teacher.id} has a file already; its content never changes",
            hint="Register another teacher for another file.",
        )
    return teacher.evolve(state="probing", sha256=info.sha256, size=info.size)


def conclude(teacher: Teacher, now: datetime, *, probe: Mapping[str, Any]) -> Teacher:
    """The probe is through: ready, or refused with the first error that it found."""
    wrong = next((found for found in probe["findings"] if found["severity"] == "error"), None)
    return teacher.evolve(
        state="refused" if wrong else "ready",
        probe=probe,
        error=InvalidModel(wrong["message"]).to_dict() if wrong else None,
        checked_at=now,
        lease=teacher.lease.release(),
    )


def require_fit(teacher: Teacher, dataset: Dataset, *, method: str) -> None:
    """Whether a job may name this teacher. method: by its name in the catalog.

    Raises Conflict for one that is not probed yet, and InvalidModel, InvalidSpec or what
    :func:`bpkd_core.catalog.require_features` raises for one that cannot teach this.
    """
    _require_probed(teacher)
    ours, theirs = ([each.name for each in classes] for classes in (teacher.classes, dataset.classes))
    if ours != theirs:
        raise InvalidSpec(
            f"Teacher {teacher.id} was probed for {_say(ours)}, and dataset {dataset.id} has {_say(theirs)}; expected "
            "a teacher of the same classes in the same order",
            param=PARAM,
            hint=f"Register its file again with dataset {dataset.id}; `file.classes` says which of its classes is "
            "which of the dataset's.",
        )
    catalog.require_features(method, teacher=teacher.file["type"] != "onnx")


def in_use(teacher_id: str, job_id: str) -> Conflict:
    """Why a teacher cannot be deleted."""
    return Conflict(
        f"Job {job_id} has not ended and learns from teacher {teacher_id}; wait for its end, or cancel it, and delete "
        "the teacher then"
    )


def _require_probed(teacher: Teacher) -> None:
    if teacher.state == "refused":
        reason = (teacher.error or {}).get("message", "")
        raise InvalidModel(
            f"Teacher {teacher.id} was refused by its probe: {reason}",
            param=PARAM,
            hint=f"See /v1/teachers/{teacher.id}/probe, mend the file or how it is to be read, and register it again.",
        )
    if teacher.state != "ready":
        missing = "its file" if teacher.state == "uploading" else "the end of its probe"
        raise Conflict(
            f"Teacher {teacher.id} still waits for {missing}; expected one that is ready",
            param=PARAM,
            hint=f"Ask for /v1/teachers/{teacher.id} until its state is ready.",
        )


def _say(names: list[str]) -> str:
    """`5 classes (road, sky, tree, sign, car)`."""
    more = ", ..." if len(names) > NAMED else ""
    return f"{len(names)} classes ({', '.join(names[:NAMED])}{more})"
