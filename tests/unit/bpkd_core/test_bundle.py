"""A bundle is complete and as it was written, or it is refused."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest
from fakes.bundle import leave_bundle
from pydantic import ValidationError

from bpkd_core.bundle import Bundle, ClassInfo, Interval, describe, write_atomically
from bpkd_core.errors import InvalidModel

SPEC = {"name": "streets", "provenance": {"job_id": "job_1"}}


def test_a_bundle_read_is_the_bundle_written(tmp_path: Path) -> None:
    """What is published is what was measured."""
    bundle = leave_bundle(tmp_path, SPEC, miou=0.5)
    assert Bundle.read(tmp_path) == bundle
    assert bundle.files["student.onnx"] == describe(tmp_path / "student.onnx")


def test_a_measure_that_is_undefined_is_null(tmp_path: Path) -> None:
    """NaN is no JSON, and a class that is absent has no IoU."""
    leave_bundle(tmp_path, SPEC, miou=float("nan"))
    assert b"NaN" not in (tmp_path / "bundle.json").read_bytes()
    assert Bundle.read(tmp_path).result.student.per_class_iou == {"road": None}
    assert Interval(value=float("nan"), low=0.1).value is None


def test_a_changed_file_is_refused_by_name(tmp_path: Path) -> None:
    """A flipped bit in a student must not reach production."""
    leave_bundle(tmp_path, SPEC, miou=0.5)
    (tmp_path / "student.onnx").write_bytes(b"other bytes")
    with pytest.raises(InvalidModel, match=r"student\.onnx is missing or differs"):
        Bundle.read(tmp_path)
    assert Bundle.read(tmp_path, verify=False).files.keys() >= {"student.onnx"}


def test_a_missing_file_is_refused_by_name(tmp_path: Path) -> None:
    """Half a bundle is none."""
    leave_bundle(tmp_path, SPEC, miou=0.5)
    (tmp_path / "picture.png").unlink()
    with pytest.raises(InvalidModel, match=r"picture\.png is missing or differs"):
        Bundle.read(tmp_path)


@pytest.mark.parametrize("index", [None, b"", b"{", b'{"format": 2}'])
def test_a_folder_without_a_whole_index_is_no_bundle(tmp_path: Path, index: bytes | None) -> None:
    """The index is written last: without it the run is not over."""
    if index is not None:
        (tmp_path / "bundle.json").write_bytes(index)
    with pytest.raises(InvalidModel, match=r"bundle\.json is missing or damaged"):
        Bundle.read(tmp_path)


def test_a_hash_is_that_of_the_whole_file(tmp_path: Path) -> None:
    """Files are hashed in blocks; the last one is rarely full."""
    data = bytes(range(256)) * 5000  # more than one block
    (tmp_path / "file").write_bytes(data)
    info = describe(tmp_path / "file")
    assert (info.sha256, info.size) == (hashlib.sha256(data).hexdigest(), len(data))


def test_a_write_makes_its_folder_and_leaves_nothing_else(tmp_path: Path) -> None:
    """Debris would be published with the rest."""
    path = tmp_path / "new" / "file"
    write_atomically(path, b"one")
    write_atomically(path, b"two")
    assert path.read_bytes() == b"two"
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_write_that_fails_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    """A full disk shows at the sync, a lost one at the rename; neither may cost what was there."""
    path = tmp_path / "file"
    write_atomically(path, b"old")

    def refuse(*_: object) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr(os if step == "fsync" else Path, step, refuse)
    with pytest.raises(OSError, match="no space"):
        write_atomically(path, b"new")
    monkeypatch.undo()
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("wrong", [{"id": -1}, {"id": 65535}, {"name": ""}, {"colour": (1, 2, 3)}])
def test_a_class_has_an_id_a_name_and_a_colour(wrong: dict[str, object]) -> None:
    """Class ids become mask values, at most 16 bits with one value kept for void."""
    with pytest.raises(ValidationError):
        ClassInfo.model_validate({"id": 0, "name": "road", "color": (1, 2, 3), **wrong})
