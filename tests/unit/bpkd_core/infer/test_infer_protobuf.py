"""What is recognised in a file before onnxruntime sees it."""

from __future__ import annotations

from contextlib import suppress

import onnx
import pytest
from fakes.networks import threshold_onnx
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper

from bpkd_core.errors import InvalidModel
from bpkd_core.infer.protobuf import count_parameters, refuse_unsafe, with_output

GOOD = threshold_onnx()


def external() -> onnx.TensorProto:
    tensor = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=[1])
    tensor.external_data.add(key="location", value="/etc/hostname")
    return tensor


def in_subgraph(node: onnx.NodeProto) -> onnx.NodeProto:
    """The node inside the body of an If."""
    body = helper.make_graph([node], "body", [], [])
    return helper.make_node("If", ["c"], ["y"], then_branch=body, else_branch=body)


def with_node(node: onnx.NodeProto) -> bytes:
    model = onnx.load_from_string(GOOD)
    model.graph.node.append(node)
    return model.SerializeToString()


def with_function(node: onnx.NodeProto) -> bytes:
    model = onnx.load_from_string(GOOD)
    model.functions.append(onnx.FunctionProto(name="f", node=[node]))
    return model.SerializeToString()


def sparse() -> onnx.NodeProto:
    node = onnx.NodeProto(op_type="Constant", output=["w"])
    node.attribute.add(name="sparse_value", type=onnx.AttributeProto.SPARSE_TENSOR).sparse_tensor.values.CopyFrom(
        external()
    )
    return node


CONSTANT = helper.make_node("Constant", [], ["w"], value=external())
CUSTOM = helper.make_node("Leak", [], ["w"], domain="com.example")


def test_an_exported_file_passes() -> None:
    """The scan may not refuse what we write."""
    refuse_unsafe(GOOD)


@pytest.mark.parametrize(
    "data",
    [with_node(CONSTANT), with_node(in_subgraph(in_subgraph(CONSTANT))), with_node(sparse()), with_function(CONSTANT)],
    ids=["attribute", "subgraph", "sparse", "function"],
)
def test_external_data_is_found_wherever_it_hides(data: bytes) -> None:
    """onnxruntime would read any file of the server that a tensor names."""
    with pytest.raises(InvalidModel, match="external data"):
        refuse_unsafe(data)


@pytest.mark.parametrize(
    "data",
    [with_node(CUSTOM), with_node(in_subgraph(CUSTOM)), with_function(CUSTOM)],
    ids=["node", "subgraph", "function"],
)
def test_operators_of_other_domains_are_found_wherever_they_hide(data: bytes) -> None:
    """Only standard operators are portable, and only they were reviewed."""
    with pytest.raises(InvalidModel, match=r"com\.example"):
        refuse_unsafe(data)


def test_deep_nesting_is_walked_without_recursion() -> None:
    """A file of subgraphs in subgraphs must not end in a RecursionError."""
    inner = b""
    for _ in range(5000):
        for field in (6, 5, 1):  # Attribute.g <- Node.attribute <- Graph.node
            inner = bytes([field << 3 | 2]) + varint(len(inner)) + inner
    refuse_unsafe(bytes([7 << 3 | 2]) + varint(len(inner)) + inner)


def varint(number: int) -> bytes:
    low, high = number & 0x7F, number >> 7
    return bytes([low | 0x80]) + varint(high) if high else bytes([low])


@settings(deadline=None)
@given(cut=st.integers(0, len(GOOD) - 1), flip=st.integers(0, len(GOOD) - 1), value=st.integers(0, 255))
def test_damaged_bytes_are_refused_or_walked_to_the_end(cut: int, flip: int, value: int) -> None:
    """The walker reads what strangers send: no IndexError, no endless loop."""
    for data in (GOOD[:cut], GOOD[:flip] + bytes([value]) + GOOD[flip + 1 :]):
        with suppress(InvalidModel):
            refuse_unsafe(data)


def test_parameters_are_the_floats_of_the_initialisers() -> None:
    """How large a teacher is that nobody has the code of; shapes and indices are no parameters."""
    tensors = [
        helper.make_tensor("weights", TensorProto.FLOAT, [300, 3], [0.0] * 900),
        helper.make_tensor("scale", TensorProto.FLOAT16, [], [1.0]),
        helper.make_tensor("shape", TensorProto.INT64, [2], [1, 2]),
    ]
    packed = bytes([1 << 3 | 2, 2, 4, 5, 2 << 3, TensorProto.DOUBLE])  # dims in one field, as some writers do
    initialisers = [*(tensor.SerializeToString() for tensor in tensors), packed]
    graph = b"".join(bytes([5 << 3 | 2]) + varint(len(each)) + each for each in initialisers)
    assert count_parameters(bytes([7 << 3 | 2]) + varint(len(graph)) + graph) == 900 + 1 + 20
    assert count_parameters(GOOD) == 0


def test_an_inner_value_becomes_an_output() -> None:
    """Windows and the parity check look at scores that a served file keeps to itself, without the onnx package."""
    nodes = [helper.make_node("Neg", ["x"], ["inner"]), helper.make_node("Abs", ["inner"], ["y"])]
    x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n"]) for name in "xy")
    model = helper.make_model(helper.make_graph(nodes, "g", [x], [y])).SerializeToString()
    watched = with_output(model, "inner")
    assert [each.name for each in onnx.load_from_string(watched).graph.output] == ["y", "inner"]
    assert with_output(watched, "inner") == watched
    assert len(onnx.load_from_string(watched).graph.node) == 2
