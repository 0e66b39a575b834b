"""Teachers as the API would have made them, put straight into a store."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from bpkd_core.bundle import ClassInfo
from fakes.records import add_ready_dataset
from service.domain import enrolment
from service.domain.datasets import Dataset
from service.domain.teachers import Teacher
from service.wiring import Service


def add_teacher(
    service: Service, content: bytes | Path = b"good", *, dataset: Dataset | None = None, **file: Any
) -> Teacher:
    """One that waits for its probe. content: of its file; the fake trainer reads from it what it is to find."""
    dataset = dataset or add_ready_dataset(service)
    draft = enrolment.draft_teacher(
        {"type": "onnx", "input": "auto", "output": "auto", "classes": "auto", **file},
        dataset,
        teacher_id=service.new_id("tch"),
        name="theirs",
        now=service.now(),
    )
    path = content if isinstance(content, Path) else service.settings.home / "theirs.onnx"
    if isinstance(content, bytes):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return enrolment.register(service.teachers, service.artifacts, service.hints, draft, path)


def classes(*names: str) -> tuple[ClassInfo, ...]:
    """Classes by name."""
    return tuple(ClassInfo(id=index, name=name, color=(index, 0, 0)) for index, name in enumerate(names))
