"""Large images in windows of one size, whose scores are averaged where they overlap. NumPy and onnxruntime only.

Masks cannot be averaged, so this wants a file that gives its logits: export it with outputs [mask, logits].
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bpkd_core.infer.contract import LOGITS, mask_type
from bpkd_core.infer.session import Session

HW = tuple[int, int]
Floats = NDArray[np.float32]
Score = Callable[[NDArray[np.uint8]], Floats]
"""The raw scores (C, H, W) of an image (H, W, 3), at its own size."""


class Box(NamedTuple):
    """Rows and columns of a window, the ends excluded."""

    top: int
    left: int
    bottom: int
    right: int


def window_boxes(size_hw: HW, window_hw: HW, stride_hw: HW) -> list[Box]:
    """The windows that cover an image, as MMSegmentation lays them (A): the last of a row ends at the frame.

    Where the image is smaller than a window, so is the window.
    """
    rows, columns = (_spans(*each) for each in zip(size_hw, window_hw, stride_hw, strict=True))
    return [Box(top, left, bottom, right) for top, bottom in rows for left, right in columns]


def _spans(length: int, window: int, stride: int) -> list[tuple[int, int]]:
    count = -(-max(0, length - window) // stride) + 1
    last = max(0, length - window)
    return [(start, min(start + window, length)) for start in (min(n * stride, last) for n in range(count))]


@dataclass(frozen=True)
class Slider:
    """`Slider(score, (480, 480), (320, 320)).predict(image_HW3) -> mask_HW`, the best of the mean scores."""

    score: Score
    window_hw: HW
    stride_hw: HW

    def predict(self, image_HW3: NDArray[np.uint8]) -> NDArray[np.unsignedinteger]:
        """RGB uint8 (H, W, 3) to class ids (H, W), uint8 or uint16."""
        totals: Floats | None = None
        for top, left, bottom, right in window_boxes(image_HW3.shape[:2], self.window_hw, self.stride_hw):
            scores = self.score(image_HW3[top:bottom, left:right])
            if totals is None:
                totals = np.zeros((len(scores), *image_HW3.shape[:2]), np.float32)
            totals[:, top:bottom, left:right] += scores
        assert totals is not None  # there always is a window
        # a pixel's sum and its mean are highest for the same class: all classes were added up equally often
        return totals.argmax(axis=0).astype(mask_type(len(totals)))


def session_scores(session: Session) -> Score:
    """The scores of an exported file, upsampled as it does it itself. Needs its logits; Session.run refuses without."""

    def score(image_HW3: NDArray[np.uint8]) -> Floats:
        height, width = image_HW3.shape[:2]
        logits = session.run(image_HW3[np.newaxis], (LOGITS,))[LOGITS][0]
        stride = session.contract.stride
        return stretch(logits, (logits.shape[1] * stride, logits.shape[2] * stride))[:, :height, :width]

    return score


def stretch(scores_Chw: Floats, size_hw: HW) -> Floats:
    """Bilinear interpolation, pixel centres at half-integers, as two matrix products."""
    rows, columns = (_interpolation(*each) for each in zip(scores_Chw.shape[1:], size_hw, strict=True))
    return (rows @ scores_Chw @ columns.T).astype(np.float32, copy=False)


def _interpolation(length: int, new_length: int) -> Floats:
    """The (new_length, length) matrix that interpolates a signal linearly."""
    places = ((np.arange(new_length) + 0.5) * (length / new_length) - 0.5).clip(0, length - 1)
    low = np.floor(places).astype(np.intp)
    matrix = np.zeros((new_length, length), np.float32)
    np.add.at(matrix, (np.arange(new_length), low), 1.0 - (places - low))
    np.add.at(matrix, (np.arange(new_length), np.minimum(low + 1, length - 1)), places - low)
    return matrix
