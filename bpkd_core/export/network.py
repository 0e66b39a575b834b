"""A torch network as ONNX nodes, with any batch and image size, and with nothing of the machine that traced it."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import onnx
import onnx_ir
import torch
from onnx_ir.passes.common import ClearMetadataAndDocStringPass
from torch import nn
from torch.export import Dim

OPSET = 20
TRACED_HW = (192, 256)
"""The size that the exporter sees. The file must not depend on it: parity is checked at others."""


@dataclass(frozen=True)
class NetworkGraph:
    """The network's nodes and weights; its values are joined to other nodes by name."""

    nodes: Sequence[onnx.NodeProto]
    weights: Sequence[onnx.TensorProto]


def frozen_copy(net: nn.Module) -> nn.Module:
    """A float32 copy on the CPU in eval mode, which leaves the network itself as it was."""
    return copy.deepcopy(net).to("cpu", torch.float32).eval().requires_grad_(False)


def trace(net: nn.Module, *, image: str, logits: str) -> NetworkGraph:
    """Export `net`, from the value named `image`, float32 [N, 3, H, W], to the value named `logits`, [N, C, h, w]."""
    example = torch.zeros(2, 3, *TRACED_HW)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter's notes to its own developers
        program = torch.onnx.export(
            frozen_copy(net),
            (example,),
            dynamo=True,
            dynamic_shapes=({0: Dim.DYNAMIC, 2: Dim.DYNAMIC, 3: Dim.DYNAMIC},),
            input_names=[image],
            output_names=[logits],
            opset_version=OPSET,
            verbose=False,
        )
    if program is None:  # only the old exporter returns nothing
        raise RuntimeError("torch.onnx.export returned no program")
    ClearMetadataAndDocStringPass()(program.model)  # stack traces and module names, paths among them
    graph = onnx_ir.to_proto(program.model).graph
    return NetworkGraph(list(graph.node), list(graph.initializer))
