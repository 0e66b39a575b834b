"""A network small enough to know by heart, in a file that keeps the contract: bright pixels are class 1."""

from __future__ import annotations

import json

import onnx
from onnx import TensorProto, helper

CLASSES = [{"id": 0, "name": "dark", "color": [10, 20, 30]}, {"id": 1, "name": "bright", "color": [200, 100, 50]}]


def threshold_onnx(level: int = 128) -> bytes:
    """mask = (red >= level). Different levels make different files."""
    image = helper.make_tensor_value_info("image", TensorProto.UINT8, ["n", "h", "w", 3])
    mask = helper.make_tensor_value_info("mask", TensorProto.UINT8, ["n", "h", "w"])
    nodes = [
        helper.make_node("Gather", ["image", "red_channel"], ["red"], axis=3),
        helper.make_node("Cast", ["red"], ["red_int"], to=TensorProto.INT32),
        helper.make_node("GreaterOrEqual", ["red_int", "level"], ["bright"]),
        helper.make_node("Cast", ["bright"], ["mask"], to=TensorProto.UINT8),
    ]
    constants = [
        helper.make_tensor("red_channel", TensorProto.INT64, [], [0]),
        helper.make_tensor("level", TensorProto.INT32, [], [level]),
    ]
    graph = helper.make_graph(nodes, "threshold", [image], [mask], constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    helper.set_model_props(
        model, {"bpkd.contract": "1", "classes": json.dumps(CLASSES), "ignore_index": "255", "stride": "1"}
    )
    onnx.checker.check_model(model)
    return model.SerializeToString()
