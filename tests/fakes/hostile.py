"""Model files that mean harm, or teach nothing: as strangers upload them."""

from __future__ import annotations

import pickle
import zipfile
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from fakes.colours import IR, colour_teacher, save


def graph(nodes: list[onnx.NodeProto], constants: list[onnx.TensorProto]) -> onnx.GraphProto:
    """Nodes from `image` to `said`."""
    image = helper.make_tensor_value_info("image", TensorProto.FLOAT, ["n", 3, "h", "w"])
    said = helper.make_tensor_value_info("said", TensorProto.FLOAT, None)
    return helper.make_graph(nodes, "hostile", [image], [said], constants)


def endless(path: Path) -> Path:
    """A loop of 2^62 rounds in two hundred bytes."""
    counter = helper.make_tensor_value_info("round", TensorProto.INT64, [])
    going = helper.make_tensor_value_info("going", TensorProto.BOOL, [])
    still = helper.make_tensor_value_info("still", TensorProto.BOOL, [])
    value, next_value = (helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in ("value", "next"))
    body = helper.make_graph(
        [helper.make_node("Identity", ["going"], ["still"]), helper.make_node("Sin", ["value"], ["next"])],
        "body",
        [counter, going, value],
        [still, next_value],
    )
    rounds = numpy_helper.from_array(np.array(2**62), "rounds")
    always = numpy_helper.from_array(np.array(True), "always")
    loop = helper.make_node("Loop", ["rounds", "always", "image"], ["said"], body=body)
    return save(path, graph([loop], [rounds, always]))


def huge(path: Path) -> Path:
    """Two hundred bytes that make a hundred gigabytes of zeros."""
    shape = numpy_helper.from_array(np.array([1, 5, 50_000, 100_000]), "shape")
    return save(path, graph([helper.make_node("ConstantOfShape", ["shape"], ["said"])], [shape]))


def external(path: Path) -> Path:
    """Weights in another file: onnxruntime would follow the name to any that it may read."""
    model = onnx.load(colour_teacher(path))
    onnx.external_data_helper.convert_model_to_external_data(model, location="beside.bin", size_threshold=0)
    onnx.save(model, path)
    return path


def trojan(path: Path) -> Path:
    """An operator of nobody knows whom: whatever is registered under that domain would run."""
    return save(path, graph([helper.make_node("Trojan", ["image"], ["said"], domain="com.example")], []))


def absurd(path: Path) -> Path:
    """An opset of the far future."""
    made = graph([helper.make_node("Identity", ["image"], ["said"])], [])
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", 2**31)], ir_version=IR)
    path.write_bytes(model.SerializeToString())
    return path


class _Command:
    """Unpickling it makes a file."""

    def __init__(self, mark: Path) -> None:
        self._mark = mark

    def __reduce__(self) -> tuple[object, ...]:
        return Path.touch, (self._mark,)


def pickled(path: Path, mark: Path) -> Path:
    """A program in the place of weights: opening it the wrong way leaves `mark`."""
    path.write_bytes(pickle.dumps({"state_dict": _Command(mark)}))
    return path


def deflated(path: Path, *, unpacked_bytes: int = 64 << 20) -> Path:
    """A zip as torch.save never writes it, a thousand times as large once it is unpacked."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("net/data/0", "w") as entry:
        for _ in range(unpacked_bytes >> 20):
            entry.write(bytes(1 << 20))
    return path
