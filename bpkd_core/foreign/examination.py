"""A close look at the chosen reading of a file: what no teacher may say, and how good it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from bpkd_core.data.base import Sample
from bpkd_core.errors import InvalidModel
from bpkd_core.foreign.findings import Finding
from bpkd_core.foreign.look import SUM_TOLERANCE, are_probabilities, in_proportion
from bpkd_core.foreign.order import Counts, count_pairs, mean_overlap
from bpkd_core.foreign.pixels import FixedHW, covered, seen
from bpkd_core.foreign.reading import Reading


@dataclass(frozen=True)
class Examined:
    """The chosen reading, looked at closely.

    faults: what makes the file no teacher at all. between_0_and_1: whether every score is. more_than_certain: whether
    what is read as probabilities adds up to more than 1 somewhere.
    """

    counts: Counts
    faults: list[Finding]
    looks_like_probabilities: bool
    between_0_and_1: bool
    more_than_certain: bool

    @property
    def miou(self) -> float:
        """Over the cells of all images."""
        return mean_overlap(self.counts)


class Scorer(Protocol):
    """What can be examined: a file, or a network of torch behind the same two questions."""

    @property
    def reading(self) -> Reading: ...  # noqa: D102 - which classes it knows

    @property
    def fixed_hw(self) -> FixedHW: ...  # noqa: D102 - as ForeignFile.size_hw

    def scores(self, images_NHW3: NDArray[np.uint8]) -> NDArray[np.float32]: ...  # noqa: D102 - as ScoreSession


def examine(session: Scorer, samples: Sequence[Sample], crops: tuple[int, int, int] | None) -> Examined:
    """Ask about every sample and look for what no teacher may say. Raises InvalidModel where it cannot run a batch."""
    classes = len(session.reading.channels)
    counts, faults = np.zeros((classes, classes), np.int64), []
    spread, probable, unit, certain = 0.0, True, True, 0.0
    if crops:
        try_batch(session, crops)
    for index, sample in enumerate(samples):
        height, width = sample.labels_HW.shape
        scores = session.scores(sample.image_HW3[np.newaxis])
        known = scores[:, list(session.reading.known)]
        if bad := int((~np.isfinite(known)).sum()):
            message = (
                f"{bad} of {known.size} scores are not finite on image {index + 1} of {len(samples)}; a teacher with "
                "NaN or infinity makes a student of NaN: export it again, in float32."
            )
            faults.append(Finding(severity="error", code="not_finite", message=message))
            break
        spread = max(spread, float(np.ptp(known, axis=(2, 3)).max()))
        probable = probable and are_probabilities(known, 1)
        unit = unit and bool(known.min() >= 0 and known.max() <= 1)
        if session.reading.output.kind == "probabilities":
            certain = max(certain, float(np.exp(known).sum(1).max()))
        counts += count_pairs(scores[0], sample.labels_HW, covered((height, width), session.fixed_hw), classes)
    if not faults and spread == 0.0:
        message = "The file says the same of every pixel; its weights are missing, or its input is cut off."
        faults.append(Finding(severity="error", code="constant_output", message=message))
    return Examined(counts, faults, probable and not faults, unit and not faults, certain > 1 + SUM_TOLERANCE)


def try_batch(session: Scorer, crops: tuple[int, int, int]) -> None:
    """Raise InvalidModel unless the file takes a batch of training crops and answers in proportion."""
    number, height, width = crops
    scores = session.scores(np.zeros((number, height, width, 3), np.uint8))
    cells_hw, seen_hw = (scores.shape[2], scores.shape[3]), seen((height, width), session.fixed_hw)
    if len(scores) != number or not in_proportion(cells_hw, seen_hw):
        raise InvalidModel(
            f"The file gives {scores.shape} for {number} crops of {height}x{width}; expected {number} maps in "
            "proportion to them.",
            param="teacher.path",
        )
