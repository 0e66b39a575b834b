"""From a trained network to the one file that is served."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import numpy as np
import onnx
from onnx import TensorProto, helper

from bpkd_core.bundle import ClassInfo, write_atomically
from bpkd_core.errors import InvalidInput
from bpkd_core.export.graph import normalise_and_pad, spatial_size, upsampled_argmax, upsampled_confidence
from bpkd_core.export.network import OPSET, TRACED_HW, NetworkGraph, trace
from bpkd_core.export.nodes import Nodes
from bpkd_core.infer.contract import CONFIDENCE, IMAGE, LOGITS, MASK, OUTPUTS, Contract, mask_type
from bpkd_core.models.base import SegmentationNet

IR_VERSION = 10  # read by onnxruntime since 1.18
NETWORK_INPUT = "normalised"


@dataclass(frozen=True)
class ExportInfo:
    """The file that was written. traced_hw: the size that parity must not be checked at."""

    path: Path
    sha256: str
    size_bytes: int
    outputs: tuple[str, ...]
    opset: int = OPSET
    ir_version: int = IR_VERSION
    traced_hw: tuple[int, int] = TRACED_HW


def export_onnx(
    net: SegmentationNet,
    path: Path,
    *,
    classes: Sequence[ClassInfo],
    ignore_index: int = 255,
    metadata: Mapping[str, str] = MappingProxyType({}),
    outputs: Sequence[str] = (MASK,),
) -> ExportInfo:
    """Write the network with its pre- and post-processing as one ONNX file, atomically.

    classes: one per channel of the logits, ids 0 .. C - 1. metadata: provenance, recorded as it is. outputs: `mask`,
    and on request `confidence` and `logits` (:mod:`bpkd_core.infer.contract`). Equal weights give equal bytes. The
    network is left as it was. Raises InvalidInput for classes or outputs that do not fit.
    """
    if len(classes) != net.num_classes:
        raise InvalidInput(f"{len(classes)} classes were named for a network of {net.num_classes} channels; name each.")
    if MASK not in outputs or not set(outputs) <= set(OUTPUTS):
        raise InvalidInput(
            f"The outputs {list(outputs)} were asked for; expected mask, and perhaps confidence and logits."
        )
    contract = Contract(tuple(classes), ignore_index, net.stride, metadata)
    model = serving_model(trace(net, image=NETWORK_INPUT, logits=LOGITS), contract, outputs)
    data = model.SerializeToString(deterministic=True)
    write_atomically(path, data)
    return ExportInfo(path, hashlib.sha256(data).hexdigest(), len(data), tuple(outputs))


def serving_model(network: NetworkGraph, contract: Contract, outputs: Sequence[str]) -> onnx.ModelProto:
    """Put the network between its pre- and post-processing and check the whole."""
    num_classes, stride = len(contract.classes), contract.stride
    dtype = mask_type(num_classes)
    before, after = Nodes("before"), Nodes("after")
    normalise_and_pad(before, IMAGE, stride, out=NETWORK_INPUT)
    size_hw = spatial_size(after, IMAGE)
    upsampled_argmax(after, LOGITS, size_hw, stride=stride, num_classes=num_classes, dtype=dtype, out=MASK)
    if CONFIDENCE in outputs:
        upsampled_confidence(after, LOGITS, size_hw, stride, out=CONFIDENCE)

    ids = helper.np_dtype_to_tensor_dtype(np.dtype(dtype))

    values = {
        MASK: helper.make_tensor_value_info(MASK, ids, ["N", "H", "W"]),
        CONFIDENCE: helper.make_tensor_value_info(CONFIDENCE, TensorProto.FLOAT, ["N", "H", "W"]),
        LOGITS: helper.make_tensor_value_info(LOGITS, TensorProto.FLOAT, ["N", num_classes, "h", "w"]),
    }
    graph = helper.make_graph(
        [*before.nodes, *network.nodes, *after.nodes],
        "bpkd",
        [helper.make_tensor_value_info(IMAGE, TensorProto.UINT8, ["N", "H", "W", 3])],
        [values[name] for name in outputs],
        [*network.weights, *before.constants.values(), *after.constants.values()],
    )
    model = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION, producer_name="bpkd"
    )
    helper.set_model_props(model, contract.to_metadata())
    onnx.checker.check_model(model, full_check=True)
    return model
