"""From what a foreign file says to scores of the dataset's classes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from bpkd_core.spec.foreign import Scores

PROBABILITY_FLOOR = 1e-6
"""Smaller probabilities, the zeros of a half-precision file too, count as this: -13.8 as a logarithm (D)."""

UNKNOWN_BELOW = 20.0
"""How far a class that the file does not know lies below the lowest score: never the winner, no share of a softmax."""


def to_logits(said: NDArray[Any], scores: Scores) -> NDArray[np.float32]:
    """A file's output to float32 (N, K, h, w), of which a softmax over K can be taken."""
    values = said if scores.layout == "nchw" else said.transpose(0, 3, 1, 2)
    logits = values.astype(np.float32)
    return np.log(np.maximum(logits, np.float32(PROBABILITY_FLOOR))) if scores.kind == "probabilities" else logits


def to_classes(logits_NKhw: NDArray[np.float32], channels: Sequence[Sequence[int]]) -> NDArray[np.float32]:
    """Scores (N, C, h, w) of the dataset's classes: each from its channels of the file, several by logsumexp.

    channels: those of each class; none for a class that the file does not know.
    """
    if channels == tuple((channel,) for channel in range(logits_NKhw.shape[1])):
        return logits_NKhw
    unknown = np.full_like(logits_NKhw[:, 0], logits_NKhw.min() - UNKNOWN_BELOW)
    planes = [np.logaddexp.reduce(logits_NKhw[:, list(own)], axis=1) if own else unknown for own in channels]
    return np.stack(planes, axis=1)


def winners(scores_Chw: NDArray[np.float32], size_hw: tuple[int, int]) -> NDArray[np.unsignedinteger]:
    """Class ids (H, W): the scores resized (bilinear, pixel centres at half-integers), then the highest."""
    best, ids = None, np.zeros(size_hw, np.uint8 if len(scores_Chw) <= 255 else np.uint16)
    for index, plane in enumerate(scores_Chw):
        resized = np.asarray(Image.fromarray(plane).resize((size_hw[1], size_hw[0]), Image.Resampling.BILINEAR))
        if best is None:
            best = resized.copy()
            continue
        ahead = resized > best
        best[ahead], ids[ahead] = resized[ahead], index
    return ids
