"""Models that know the truth but for a share of the pixels: what a report is drawn of."""

from __future__ import annotations

import numpy as np

from bpkd_core.evaluation import Predict
from fakes.specks import DrawnSpecks

DATA = DrawnSpecks(length=5)


def spoiled(share: float, seed: int = 1) -> Predict:
    """The truth with a share of its pixels drawn anew, more on later images; the same every time it is asked."""

    def predict(name: str, image_HW3: np.ndarray) -> np.ndarray:
        number = DATA.names.index(name)
        labels, rng = DATA[number].labels_HW, np.random.default_rng([seed, number])
        wrong = (rng.random(labels.shape) < share * (1 + number / 4)) | (labels == 255)
        return np.where(wrong, rng.integers(0, len(DATA.classes), labels.shape), labels).astype(np.uint8)

    return predict


MODELS = {"teacher": spoiled(0.05), "control": spoiled(0.2), "student": spoiled(0.1)}
