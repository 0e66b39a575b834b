"""A foreign file that gives class ids instead of scores: nothing to learn from, enough to be judged."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from bpkd_core.data.base import IGNORE_INDEX, Sample, UInt8Array
from bpkd_core.errors import InvalidModel
from bpkd_core.foreign.file import ForeignFile, Layout
from bpkd_core.foreign.findings import candidates
from bpkd_core.foreign.pixels import covered, fit, prepare
from bpkd_core.foreign.reading import Channels
from bpkd_core.foreign.trials import NOISE
from bpkd_core.spec.foreign import Pixels


class IdSession:
    """`IdSession("theirs.onnx", channels, samples).predict(image_HW3) -> mask_HW` of the dataset's class ids.

    channels: for each class of the dataset, the file's classes that it is made of. samples: labelled images, on which
    the usual ways to feed a network are tried; `input` is the one with the most pixels right. Raises InvalidModel for a
    file that does not run.
    """

    def __init__(self, model: str | Path | bytes, channels: Channels, samples: Sequence[Sample]) -> None:
        self.file = ForeignFile(model)
        self._layout: Layout = self.file.layouts[0]
        self._table = np.full(max(max(own, default=0) for own in channels) + 1, IGNORE_INDEX, np.uint8)
        for ours, own in enumerate(channels):
            self._table[list(own)] = ours
        self.input = self._choose_input(samples)

    def predict(self, image_HW3: UInt8Array) -> UInt8Array:
        """RGB uint8 (H, W, 3) to class ids (H, W), resized to the nearest. Raises InvalidModel for an unknown id."""
        ids = self._ask(image_HW3, self.input)
        unknown = ids[self._translate(ids) == IGNORE_INDEX]
        if unknown.size:
            raise InvalidModel(
                f"The file says class {unknown[0]}, which is none of the dataset's; a file that gives ids, not scores, "
                "needs a class for each that it says.",
                param="teacher.classes",
            )
        return self._resized(ids, image_HW3.shape[:2])

    def _choose_input(self, samples: Sequence[Sample]) -> Pixels:
        tried = [each.model_copy(update={"layout": self._layout}) for each in candidates(None)]
        shares = [np.mean([self._share_right(sample, each) for sample in samples]) for each in tried]
        return next(each for each, share in zip(tried, shares, strict=True) if share >= max(shares) - NOISE)

    def _share_right(self, sample: Sample, pixels: Pixels) -> float:
        mask_HW = self._resized(self._ask(sample.image_HW3, pixels), sample.labels_HW.shape)
        labelled_HW = sample.labels_HW != IGNORE_INDEX
        return float((mask_HW == sample.labels_HW)[labelled_HW].mean()) if labelled_HW.any() else 0.0

    def _ask(self, image_HW3: UInt8Array, pixels: Pixels) -> NDArray[np.integer]:
        """Ids (h, w), the file's own."""
        images = fit(image_HW3[np.newaxis], self.file.size_hw(self._layout))
        (said,) = self.file.ask(prepare(images, pixels, self.file.dtype), self.file.outputs[:1])
        ids = said[0].squeeze(0) if said.ndim == 4 and said.shape[1] == 1 else said[0].squeeze()
        if ids.ndim != 2 or ids.dtype.kind not in "iu":
            raise InvalidModel(
                f"The file gives {said.dtype} {said.shape}; expected scores of at least two classes (1, C, h, w) or "
                "integer class ids (1, h, w)."
            )
        return ids

    def _translate(self, ids: NDArray[np.integer]) -> UInt8Array:
        """The dataset's ids, 255 for what it has none for."""
        known = (ids >= 0) & (ids < len(self._table))
        return np.where(known, self._table[np.where(known, ids, 0)], np.uint8(IGNORE_INDEX))

    def _resized(self, ids: NDArray[np.integer], hw: tuple[int, int]) -> UInt8Array:
        height, width = covered(hw, self.file.size_hw(self._layout))
        whole = Image.fromarray(self._translate(ids)).resize((width, height), Image.Resampling.NEAREST)
        return np.asarray(whole)[: hw[0], : hw[1]]
