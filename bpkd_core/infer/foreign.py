"""Run somebody else's ONNX file: pixels in some layout, class scores or class ids out. NumPy and onnxruntime only.

What can be read off the file is: layout, fixed sizes, whether it gives scores or ids. What cannot be is said by
:class:`Recipe`: normalisation, channel order, and which of the file's classes is which of ours.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from bpkd_core.errors import InvalidInput, InvalidModel
from bpkd_core.infer.session import CPU, start

Normalisation = Literal["imagenet", "unit", "symmetric", "bytes"]
ChannelOrder = Literal["rgb", "bgr"]
MEAN_STD: dict[Normalisation, tuple[tuple[float, ...], tuple[float, ...]]] = {
    "imagenet": ((123.675, 116.28, 103.53), (58.395, 57.12, 57.375)),
    "unit": ((0.0, 0.0, 0.0), (255.0, 255.0, 255.0)),
    "symmetric": ((127.5, 127.5, 127.5), (127.5, 127.5, 127.5)),
    "bytes": ((0.0, 0.0, 0.0), (1.0, 1.0, 1.0)),
}
FLOATS = {"tensor(float)": np.float32, "tensor(float16)": np.float16, "tensor(double)": np.float64}


@dataclass(frozen=True)
class Recipe:
    """What a foreign file expects and means.

    normalisation: "imagenet" (mean and standard deviation), "unit" (0 to 1), "symmetric" (-1 to 1), "bytes" (0 to 255).
    channels: the order in which it sees them. classes: for each of the file's classes, in order, the id that it has in
    the dataset, or None where the dataset has no such class; None if both count alike.
    """

    normalisation: Normalisation = "imagenet"
    channels: ChannelOrder = "rgb"
    classes: Sequence[int | None] | None = None


class ForeignSession:
    """`ForeignSession("theirs.onnx", num_classes=19).predict(image_HW3) -> mask_HW`, ids of the dataset's classes.

    Scores may be logits or probabilities of any stride; they are resized (bilinear) to the image, and the highest wins.
    Ids are resized to the nearest. An image is resized to a file's fixed size. Raises InvalidModel for a file that is
    not one image in and one map out, InvalidInput for a class map that does not fit.
    """

    def __init__(self, model: str | Path | bytes, *, num_classes: int, recipe: Recipe | None = None) -> None:
        self.recipe = recipe or Recipe()
        self._run = start(model, (CPU,), os.cpu_count() or 1)
        self._input = _only_image(self._run.get_inputs())
        self._output = self._run.get_outputs()[0]
        shape: list[Any] = self._input.shape
        self._channels_last = shape[3] == 3 and shape[1] != 3
        height, width = shape[1:3] if self._channels_last else shape[2:4]
        self._size_wh = (width, height) if isinstance(height, int) and isinstance(width, int) else None
        self._table = _class_table(self.recipe.classes, num_classes)

    def predict(self, image_HW3: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """RGB uint8 (H, W, 3) to class ids (H, W). Raises InvalidModel for an output of another kind."""
        try:
            (output,) = self._run.run([self._output.name], {self._input.name: self._prepare(image_HW3)})
        except Exception as error:  # onnxruntime raises a dozen unrelated classes
            reason = str(error).splitlines()[0][:200]
            raise InvalidModel(f"The model cannot run an image of {image_HW3.shape[:2]} ({reason}).") from error
        values = np.asarray(output)[0]
        height, width = image_HW3.shape[:2]
        if values.dtype.kind == "f" and values.ndim == 3 and values.shape[0] > 1:
            return self._winners(values, (width, height))
        if values.dtype.kind in "iu":
            return self._named(values.squeeze(), (width, height))
        raise InvalidModel(
            f"{self._output.name} is {values.dtype} {values.shape} for one image; expected scores of at least two "
            "classes (C, h, w), or integer class ids (h, w)."
        )

    def _prepare(self, image_HW3: NDArray[np.uint8]) -> NDArray[Any]:
        """The batch of one as the file wants it."""
        if self._size_wh:
            image_HW3 = np.asarray(Image.fromarray(image_HW3).resize(self._size_wh, Image.Resampling.BILINEAR))
        if self.recipe.channels == "bgr":
            image_HW3 = image_HW3[..., ::-1]
        pixels: NDArray[Any] = image_HW3
        if self._input.type in FLOATS:
            mean, std = (np.array(each, np.float32) for each in MEAN_STD[self.recipe.normalisation])
            pixels = ((image_HW3 - mean) / std).astype(FLOATS[self._input.type])
        if not self._channels_last:
            pixels = pixels.transpose(2, 0, 1)
        return np.ascontiguousarray(pixels[np.newaxis])

    def _winners(self, scores: NDArray[Any], size_wh: tuple[int, int]) -> NDArray[np.uint8]:
        """Scores (C, h, w) or (h, w, C) to the ids of the highest at the image's size."""
        classes = len(self._table)
        if scores.shape[0] != classes and scores.shape[2] == classes:
            scores = scores.transpose(2, 0, 1)
        if scores.shape[0] != classes:
            raise InvalidModel(
                f"The model scores {scores.shape[0]} classes, expected {classes}; give a class map with one entry for "
                "each of its classes.",
                param="class_map",
            )
        kept = np.flatnonzero(self._table >= 0)
        planes = [_resize(scores[c].astype(np.float32), size_wh, Image.Resampling.BILINEAR) for c in kept]
        return self._table[kept][np.argmax(planes, axis=0)].astype(np.uint8)

    def _named(self, ids: NDArray[Any], size_wh: tuple[int, int]) -> NDArray[np.uint8]:
        """Ids (h, w) of the file's classes to ours at the image's size."""
        if ids.ndim != 2 or ids.min() < 0 or ids.max() >= len(self._table):
            raise InvalidModel(
                f"The model gives ids {ids.min()}...{ids.max()} of shape {ids.shape}, expected (h, w) of "
                f"0...{len(self._table) - 1}; give a class map with one entry for each of its classes.",
                param="class_map",
            )
        ours = self._table[ids]
        if (ours < 0).any():
            raise InvalidInput(
                f"The model says class {ids[ours < 0][0]}, which the class map leaves out; a model that gives ids, "
                "not scores, needs every class mapped.",
                param="class_map",
            )
        return _resize(ours.astype(np.uint8), size_wh, Image.Resampling.NEAREST)


def _resize(plane: NDArray[Any], size_wh: tuple[int, int], how: Image.Resampling) -> NDArray[Any]:
    """One plane to another size, pixel centres at half-integers; PIL's bilinear upsampling is the usual one."""
    return plane if plane.shape == size_wh[::-1] else np.asarray(Image.fromarray(plane).resize(size_wh, how))


def _only_image(inputs: Sequence[Any]) -> Any:
    """The one input. Raises InvalidModel unless it is a batch of images with three channels."""
    if len(inputs) == 1 and inputs[0].type in {*FLOATS, "tensor(uint8)"} and len(inputs[0].shape) == 4:
        batch, *sides = inputs[0].shape
        free = any(not isinstance(side, int) for side in (sides[0], sides[2]))
        if (not isinstance(batch, int) or batch == 1) and (3 in (sides[0], sides[2]) or free):
            return inputs[0]
    found = ", ".join(f"{each.name} {each.type} {each.shape}" for each in inputs)
    raise InvalidModel(f"The model takes {found}; expected one image, [1, 3, H, W] or [1, H, W, 3], float or uint8.")


def _class_table(classes: Sequence[int | None] | None, num_classes: int) -> NDArray[np.int64]:
    """Dataset's id of each of the file's classes, -1 where there is none."""
    table = np.array([-1 if each is None else each for each in classes or range(num_classes)], np.int64)
    if table.max(initial=-1) >= num_classes or not (table >= 0).any():
        raise InvalidInput(
            f"The class map leads to the ids {table.tolist()[:20]}; expected at least one of 0...{num_classes - 1} and "
            "none beyond.",
            param="class_map",
        )
    return table
