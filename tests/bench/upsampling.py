"""Boundary-only upsampling against Resize + ArgMax, both in onnxruntime on one thread.

Run `python tests/bench/upsampling.py`. It prints the median CPU time of one image, the share of cells that a boundary
crosses, and how many pixels differ. CPU time of the calling thread: with one thread it is the work that is done,
whatever else the machine does.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import numpy as np
import onnx
import onnxruntime as ort
import torch
from numpy.typing import NDArray
from onnx import TensorProto, helper
from torch.nn import functional as F

from bpkd_core.export.graph import upsampled_argmax
from bpkd_core.export.nodes import Nodes

RUNS = 60
SCENES = {  # name: (classes, h, w, stride, the size of the noise that the logits are interpolated from)
    "smooth 11x45x60 x8": (11, 45, 60, 8, (4, 6)),
    "busy 11x45x60 x8": (11, 45, 60, 8, (10, 13)),
    "white noise 11x45x60 x8": (11, 45, 60, 8, (45, 60)),
    "smooth 19x90x120 x4": (19, 90, 120, 4, (5, 7)),
    "smooth 150x64x64 x8": (150, 64, 64, 8, (5, 5)),
}


def main() -> None:
    """Print one line per scene."""
    for name, (classes, h, w, stride, grid) in SCENES.items():
        coarse = torch.randn(1, classes, *grid, generator=torch.Generator().manual_seed(0))
        logits = F.interpolate(coarse, (h, w), mode="bicubic").numpy()
        plain, plain_ms = measure(resize_argmax(classes, stride), logits)
        ours, ours_ms = measure(boundary_only(classes, stride), logits)
        print(
            f"{name:24} boundary cells {boundary_share(logits):5.1%}   Resize+ArgMax {plain_ms:6.2f} ms   "
            f"ours {ours_ms:6.2f} ms   {plain_ms / ours_ms:4.1f}x   pixels that differ {int((plain != ours).sum())}"
        )


def boundary_only(classes: int, stride: int) -> ort.InferenceSession:
    """The tail of the served file alone."""
    return session(
        lambda g: upsampled_argmax(
            g,
            "logits",
            g.Mul(g.Shape("logits", start=2), [stride, stride]),
            stride=stride,
            num_classes=classes,
            dtype="uint8",
            out="mask",
        )
    )


def resize_argmax(classes: int, stride: int) -> ort.InferenceSession:
    """What exporters usually write."""

    def build(g: Nodes) -> str:
        scales = np.array([1, 1, stride, stride], np.float32)
        scores = g.Resize("logits", "", scales, mode="linear", coordinate_transformation_mode="half_pixel")
        return g.Cast(g.ArgMax(scores, axis=1, keepdims=0), to=TensorProto.UINT8, out="mask")

    return session(build)


def session(build: Callable[[Nodes], str]) -> ort.InferenceSession:
    """A one-thread session of `build`, from the value `logits` to the value `mask`."""
    g = Nodes("tail")
    build(g)
    graph = helper.make_graph(
        g.nodes,
        "tail",
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["N", "C", "h", "w"])],
        [helper.make_tensor_value_info("mask", TensorProto.UINT8, ["N", "H", "W"])],
        list(g.constants.values()),
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
    onnx.checker.check_model(model, full_check=True)
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    return ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])


def measure(run: ort.InferenceSession, logits: NDArray[np.float32]) -> tuple[NDArray[np.uint8], float]:
    """The mask and the median milliseconds of CPU time."""
    times_ms: list[float] = []
    mask = np.empty(0, np.uint8)
    for _ in range(RUNS):
        start = time.thread_time()
        mask = np.asarray(run.run(["mask"], {"logits": logits})[0])
        times_ms.append((time.thread_time() - start) * 1e3)
    return mask, statistics.median(times_ms[5:])


def boundary_share(logits: NDArray[np.float32]) -> float:
    """The share of cells between four centres whose winners differ."""
    winners = np.pad(logits.argmax(axis=1), ((0, 0), (1, 1), (1, 1)), mode="edge")
    first, *others = (winners[:, y : y - 1 or None, x : x - 1 or None] for y in (0, 1) for x in (0, 1))
    return float(np.any([first != other for other in others], axis=0).mean())


if __name__ == "__main__":
    main()
