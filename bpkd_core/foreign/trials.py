"""Read a file in one way after another, on labelled images, and choose."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from bpkd_core.data.base import Sample, UInt8Array
from bpkd_core.foreign.findings import Trial
from bpkd_core.foreign.order import Counts, best_order, count_pairs, mean_overlap
from bpkd_core.foreign.reading import Channels
from bpkd_core.spec.foreign import Pixels

SEARCH_S = 60.0
"""For all settings together; a slow file is tried on fewer images."""

NOISE = 0.01
"""Between settings whose mIoU differs by less the likelier one is taken."""

REORDERED_AHEAD = 0.2
"""What another order of the classes must gain before it is believed: among n! orders some fit by chance. A network of
random weights gained 0.14 on camvid11."""

Ask = Callable[[UInt8Array, Pixels], tuple[NDArray[np.float32], tuple[int, int]]]
"""Scores (C, h, w) of an image (H, W, 3) read in one way, and the height and width that the cells cover."""


@dataclass(frozen=True)
class Attempt:
    """What one setting came to. best: the file's class of each of ours that fits best."""

    input: Pixels
    counts: Counts

    @cached_property
    def miou(self) -> float:
        """With the classes in the order in which they are."""
        return mean_overlap(self.counts)

    @cached_property
    def order(self) -> NDArray[np.int64]:
        """The order of the file's classes that fits best."""
        return best_order(self.counts)

    @cached_property
    def reordered_miou(self) -> float:
        """With the classes in that order."""
        return mean_overlap(self.counts, self.order)

    @property
    def gains_by_order(self) -> bool:
        """Whether the other order is clearly better."""
        return self.reordered_miou >= self.miou + REORDERED_AHEAD


def attempt(ask: Ask, samples: Sequence[Sample], pixels: Pixels, num_classes: int) -> Attempt:
    """Ask about every sample. Raises what `ask` raises."""
    counts = np.zeros((1, num_classes), np.int64)
    for sample in samples:
        scores, covered_hw = ask(sample.image_HW3, pixels)
        counts = counts + count_pairs(scores, sample.labels_HW, covered_hw, num_classes)
    return Attempt(pixels, counts)


def best(attempts: Iterable[Attempt], *, by_order: bool) -> Attempt:
    """The first of those that are level with the best. by_order: whether the classes' order may be put right too."""

    def rank(one: Attempt) -> float:
        return max(one.miou, one.reordered_miou - REORDERED_AHEAD) if by_order else one.miou

    ranked = [(rank(one), one) for one in attempts]
    top = max(value for value, _ in ranked)
    return next(one for value, one in ranked if value >= top - NOISE)


def in_order(channels: Channels, order: NDArray[np.int64]) -> Channels:
    """The channels of each class when each takes those of another."""
    return tuple(channels[index] for index in order)


def record(attempts: Iterable[Attempt], channels: Channels) -> list[Trial]:
    """The attempts as a table, those that gain by another order in both orders."""
    trials: list[Trial] = []
    for one in attempts:
        trials.append(Trial(input=one.input, channels=channels, miou=one.miou))
        if one.gains_by_order:
            reordered = in_order(channels, one.order)
            trials.append(Trial(input=one.input, channels=reordered, reordered=True, miou=one.reordered_miou))
    return trials


def affordable(settings: Sequence[Pixels], seconds: float) -> int:
    """On how many images all settings can be tried when one image takes so long; one at least."""
    return max(1, int(SEARCH_S / (len(settings) * max(1e-3, seconds))))
