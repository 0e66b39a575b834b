"""A stranger's student is run where it can do no harm."""

from __future__ import annotations

from pathlib import Path

import onnx
import pytest
from fakes.networks import CLASSES, threshold_onnx
from pydantic import TypeAdapter

from bpkd_core.bundle import ClassInfo
from bpkd_core.errors import InvalidModel
from bpkd_core.foreign.student import describe_student, examine_student
from bpkd_core.infer import Session
from bpkd_core.infer.protobuf import read_metadata, read_opset, with_metadata

NAMED = TypeAdapter(list[ClassInfo]).validate_python(CLASSES)


def test_what_is_found_is_what_the_file_is(tmp_path: Path) -> None:
    """Classes, outputs, opset and a latency, all without the file having been opened in this process."""
    (tmp_path / "student.onnx").write_bytes(threshold_onnx())
    facts = examine_student(tmp_path / "student.onnx")
    assert (facts.classes, facts.outputs, facts.opset, facts.described) == (NAMED, ["mask"], 17, True)
    assert facts.latency_ms > 0


def test_a_file_that_takes_too_long_is_refused(tmp_path: Path) -> None:
    """A loop without an end would hold a process for ever."""
    (tmp_path / "student.onnx").write_bytes(threshold_onnx())
    with pytest.raises(InvalidModel, match=r"took longer than 0\.05 s"):
        examine_student(tmp_path / "student.onnx", timeout_s=0.05)


def test_a_description_is_read_back_by_everybody() -> None:
    """It is appended to the bytes, by the rules of protobuf; onnx and onnxruntime must agree with us."""
    bare = onnx.load_from_string(threshold_onnx())
    del bare.metadata_props[:]
    names = [each.model_copy(update={"name": each.name * 30}) for each in NAMED]  # longer than a length byte
    data = describe_student(bare.SerializeToString(), names)
    assert list(Session(data).classes) == names
    assert {each.key: each.value for each in onnx.load_from_string(data).metadata_props} == read_metadata(data)
    assert read_metadata(with_metadata(data, {"licence": "none"}))["licence"] == "none"
    assert read_opset(data) == 17
