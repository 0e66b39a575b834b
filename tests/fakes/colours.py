"""Pictures whose colours are their classes, and ONNX teachers that know it: 1x1 convolutions with known weights.

A score is how near a pixel is to the colour of a class, so the right reading of a file is worth almost 100 % mIoU and
any wrong one shows.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

from bpkd_core.bundle import ClassInfo
from bpkd_core.data import Sample
from bpkd_core.spec.foreign import Pixels

HEIGHT, WIDTH = 64, 96
COLOURS = {
    "road": (86, 78, 82),
    "sky": (70, 130, 200),
    "tree": (90, 140, 60),
    "sign": (230, 215, 190),
    "car": (40, 35, 60),
}
CLASSES = tuple(ClassInfo(id=index, name=name, color=color) for index, (name, color) in enumerate(COLOURS.items()))
OPSET, IR = 17, 8


class Blocks:
    """Rectangles in the classes' colours, a little noisy, with a strip of void at the top."""

    classes: Sequence[ClassInfo] = CLASSES

    def __init__(self, length: int = 4, *, seed: int = 0) -> None:
        rng = np.random.default_rng(seed)
        self.names = [f"{number:03d}" for number in range(length)]
        self.samples = [self._draw(rng) for _ in range(length)]

    def _draw(self, rng: np.random.Generator) -> Sample:
        labels = np.kron(rng.integers(0, len(CLASSES), (8, 12)), np.ones((8, 8), int)).astype(np.uint8)
        clean = np.array([each.color for each in CLASSES])[labels]
        image = np.clip(clean + rng.normal(0, 4, clean.shape), 0, 255).astype(np.uint8)
        labels[:4] = 255
        return Sample(image, labels)

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, index: int, /) -> Sample:
        return self.samples[index]


def write_blocks(root: Path, *, train: int = 4, val: int = 2, test: int = 2) -> Path:
    """The same as a dataset folder."""
    for seed, (split, length) in enumerate({"train": train, "val": val, "test": test}.items()):
        data = Blocks(length, seed=seed)
        for name, sample in zip(data.names, data.samples, strict=True):
            for kind, array in (("images", sample.image_HW3), ("masks", sample.labels_HW)):
                path = root / kind / split / f"{name}.png"
                path.parent.mkdir(parents=True, exist_ok=True)
                Image.fromarray(array).save(path)
    (root / "classes.json").write_text(json.dumps([each.model_dump(mode="json") for each in CLASSES]))
    return root


def colour_teacher(
    path: Path,
    *,
    pixels: Pixels | None = None,
    kind: Literal["logits", "probabilities", "sigmoids", "ids"] = "logits",
    out_layout: str = "nchw",
    known: Sequence[int] = tuple(range(len(CLASSES))),
    stride: int = 4,
    size: Sequence[Any] = ("n", "h", "w"),
    dtype: int = TensorProto.FLOAT,
    spoil: float = 0.0,
) -> Path:
    """A file that knows the classes `known`, in this order, for images read as `pixels`.

    size: of the input, numbers where it is fixed. spoil: added to every score, NaN for a broken network.
    """
    pixels = pixels or Pixels()
    shape = [size[0], 3, *size[1:]] if pixels.layout == "nchw" else [*size, 3]
    image = helper.make_tensor_value_info("image", dtype, shape)
    said = helper.make_tensor_value_info(
        "said", TensorProto.INT64 if kind == "ids" else TensorProto.FLOAT, [None] * (3 if kind == "ids" else 4)
    )
    weights, bias = weights_of(pixels, known, raw=dtype == TensorProto.UINT8)
    constants = [
        numpy_helper.from_array(weights.astype(np.float32), "weights"),
        numpy_helper.from_array((bias + spoil).astype(np.float32), "bias"),
    ]
    nodes = [helper.make_node("Cast", ["image"], ["floats"], to=TensorProto.FLOAT)]
    value = "floats"
    if pixels.layout == "nhwc":
        nodes.append(helper.make_node("Transpose", [value], ["planes"], perm=[0, 3, 1, 2]))
        value = "planes"
    nodes.append(helper.make_node("AveragePool", [value], ["cells"], kernel_shape=[stride] * 2, strides=[stride] * 2))
    nodes.append(helper.make_node("Conv", ["cells", "weights", "bias"], ["scores"]))
    nodes += _endings(kind, out_layout)
    graph = helper.make_graph(nodes, "colours", [image], [said], constants)
    return save(path, graph)


def save(path: Path, graph: onnx.GraphProto) -> Path:
    """Write a graph as a model that this onnxruntime reads."""
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR)
    path.write_bytes(model.SerializeToString())
    return path


def weights_of(pixels: Pixels, known: Sequence[int], *, raw: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """Of scores (2 p c - c c) / 1000 for a pixel p and a colour c, where p = (x std + mean) scale."""
    colours = np.array([CLASSES[index].color for index in known], float)
    mean, std, scale = (
        (np.zeros(3), np.ones(3), 1.0) if raw else (np.array(pixels.mean), np.array(pixels.std), pixels.scale)
    )
    weights = 2 * colours * std * scale / 1000
    bias = ((2 * colours * mean * scale) - colours**2).sum(1) / 1000
    return (weights[:, ::-1] if pixels.color == "bgr" else weights)[:, :, None, None], bias


def _endings(kind: str, layout: str) -> list[onnx.NodeProto]:
    value, nodes = "scores", []
    if kind == "ids":
        return [helper.make_node("ArgMax", [value], ["said"], axis=1, keepdims=0)]
    if kind in ("probabilities", "sigmoids"):
        softmax = kind == "probabilities"
        nodes.append(
            helper.make_node("Softmax", [value], ["shares"], axis=1)
            if softmax
            else helper.make_node("Sigmoid", [value], ["shares"])
        )
        value = "shares"
    last = {"perm": [0, 2, 3, 1]} if layout == "nhwc" else {}
    return [*nodes, helper.make_node("Transpose" if last else "Identity", [value], ["said"], **last)]
