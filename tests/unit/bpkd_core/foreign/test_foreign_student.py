"""A stranger's student is run where it can do no harm."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from fakes import hostile
from fakes.networks import CLASSES, threshold_onnx
from onnx import TensorProto, helper, numpy_helper
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


def memory_bomb(path: Path) -> Path:
    """A mask that has sixty thousand rows and columns for each of the image's: gigabytes, which no shape tells."""
    image = helper.make_tensor_value_info("image", TensorProto.UINT8, ["n", "h", "w", 3])
    mask = helper.make_tensor_value_info("mask", TensorProto.UINT8, ["n", "H", "W"])
    constants = {"axes": np.array([0, 1, 2]), "times": np.array([1, 60_000, 60_000])}
    nodes = [
        helper.make_node("Shape", ["image"], ["sides"]),
        helper.make_node("Gather", ["sides", "axes"], ["nhw"]),
        helper.make_node("Mul", ["nhw", "times"], ["shape"]),
        helper.make_node(
            "ConstantOfShape", ["shape"], ["mask"], value=helper.make_tensor("v", TensorProto.UINT8, [1], [0])
        ),
    ]
    initialisers = [numpy_helper.from_array(value, name) for name, value in constants.items()]
    graph = helper.make_graph(nodes, "bomb", [image], [mask], initialisers)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    path.write_bytes(describe_student(model.SerializeToString(), NAMED))
    return path


@pytest.mark.parametrize("make", [hostile.external, hostile.trojan, hostile.absurd, hostile.deflated])
def test_a_file_that_means_harm_is_refused_by_a_sentence(tmp_path: Path, make: Callable[[Path], Path]) -> None:
    """F24, F25: and this process goes on, with its memory."""
    with pytest.raises(InvalidModel) as caught:
        examine_student(make(tmp_path / "student.onnx"), NAMED)
    assert "\n" not in caught.value.message


def test_a_memory_bomb_is_called_one(tmp_path: Path) -> None:
    """Who made it by mistake wants to know."""
    with pytest.raises(InvalidModel, match="too much memory"):
        examine_student(memory_bomb(tmp_path / "student.onnx"))
