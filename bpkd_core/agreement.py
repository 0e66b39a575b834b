"""Where nobody has labelled what a model is to be measured on: another model's masks stand for the truth."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bpkd_core.data import IGNORE_INDEX, FolderDataset
from bpkd_core.data.base import ClassInfo, Sample, UInt8Array
from bpkd_core.evaluation import Predict


class Relabelled:
    """The images of `data` with the masks that `predict(name, image_HW3)` gives, each asked for once.

    A score on it is agreement with whoever predicts, not accuracy.
    """

    def __init__(self, data: FolderDataset, predict: Predict) -> None:
        self.data = data
        self.split = data.split
        self.names: Sequence[str] = data.names
        self.classes: Sequence[ClassInfo] = data.classes
        self._predict = predict
        self._masks: dict[int, UInt8Array] = {}

    def __len__(self) -> int:
        return len(self.data)

    def __getitem__(self, index: int, /) -> Sample:
        image = self.data[index].image_HW3
        if index not in self._masks:
            self._masks[index] = self._predict(self.names[index], image).astype(np.uint8)
        return Sample(image, self._masks[index])


def blind(data: FolderDataset) -> Relabelled:
    """The images of `data` without their labels: every pixel is void."""
    return Relabelled(data, lambda _, image: np.full(image.shape[:2], IGNORE_INDEX))
