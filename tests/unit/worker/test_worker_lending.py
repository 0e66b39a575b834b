from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest
from fakes.records import add_ready_dataset
from fakes.teachers import add_teacher

from service.domain import enrolment
from service.domain.errors import NotFound
from service.wiring import Service
from worker.lending import lend


def test_a_specification_names_the_file_where_it_was_lent(service: Service, tmp_path: Path) -> None:
    """With everything that was registered beside it."""
    teacher = add_teacher(service, b"weights", classes={"0": "road"})
    lent = lend(service.artifacts, teacher, tmp_path)
    assert (lent["type"], lent["input"], lent["classes"]) == ("onnx", "auto", {"0": "road"})
    assert Path(lent["path"]) == tmp_path / f"{teacher.id}.onnx"
    assert Path(lent["path"]).read_bytes() == b"weights"


def test_a_gigabyte_is_not_copied(service: Service, tmp_path: Path) -> None:
    """A link is enough: nobody writes into either. An attempt that finds it there has it already."""
    teacher = add_teacher(service, b"weights")
    for _ in range(2):
        path = Path(lend(service.artifacts, teacher, tmp_path)["path"])
        assert path.samefile(service.artifacts.path(teacher.sha256 or ""))
    assert [each.name for each in tmp_path.iterdir() if each.is_file()] == [path.name]


def test_where_there_are_no_links_it_is_copied(
    service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Artifacts on another file system, or a cache of an object store."""

    def refuse(*_: object) -> None:
        raise OSError(errno.EXDEV, "Invalid cross-device link")

    teacher = add_teacher(service, b"weights")
    monkeypatch.setattr(os, "link", refuse)
    path = Path(lend(service.artifacts, teacher, tmp_path)["path"])
    assert path.read_bytes() == b"weights"
    assert not path.samefile(service.artifacts.path(teacher.sha256 or ""))


def test_a_teacher_without_a_file_lends_nothing(service: Service, tmp_path: Path) -> None:
    """No store offers such a one; a bug that does must not train on an empty file."""
    file = {"type": "onnx"}
    dataset = add_ready_dataset(service)
    draft = enrolment.draft_teacher(file, dataset, teacher_id="tch_1", name="theirs", now=service.now())
    with pytest.raises(NotFound, match="no file of teacher"):
        lend(service.artifacts, draft, tmp_path)
