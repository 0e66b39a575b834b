"""An exported file is judged on a dataset by running it on every image."""

from __future__ import annotations

import numpy as np
import pytest
from fakes.networks import CLASSES, threshold_onnx
from fakes.specks import DrawnSpecks

from bpkd_core.bundle import ClassInfo
from bpkd_core.data import IGNORE_INDEX, Sample
from bpkd_core.errors import InvalidInput
from bpkd_core.evaluation import evaluate, session_masks
from bpkd_core.infer import Session


class Greys:
    """Images whose truth the threshold network finds, but for a strip that it cannot."""

    classes = tuple(ClassInfo.model_validate(each) for each in CLASSES)
    names = ("dark half", "wide")

    def __len__(self) -> int:
        return 2

    def __getitem__(self, index: int, /) -> Sample:
        image = np.zeros((8, 8 * (index + 1), 3), np.uint8)
        image[:, 4:] = 200
        labels = (image[..., 0] >= 128).astype(np.uint8)
        labels[0] = 1 - labels[0]
        labels[1] = IGNORE_INDEX
        return Sample(image, labels)


def test_every_pixel_with_a_label_counts_at_its_own_size() -> None:
    """One row in seven is wrong in truth, one is void: the share of right pixels is known exactly."""
    told: list[tuple[int, int]] = []
    quality = evaluate(
        session_masks(Session(threshold_onnx()), Greys()), Greys(), progress=lambda *count: told.append(count)
    )
    assert quality.pixel_accuracy == pytest.approx(6 / 7)
    assert quality.images == 2
    assert quality.class_names == ("dark", "bright")
    assert told == [(1, 2), (2, 2)]


def test_a_file_of_other_classes_is_refused() -> None:
    """The numbers would be nonsense that looks like a bad model."""
    with pytest.raises(InvalidInput, match="The model's classes are dark, bright; the dataset's are sky, building"):
        session_masks(Session(threshold_onnx()), DrawnSpecks(length=1))


def test_classes_in_another_order_are_other_classes() -> None:
    """As many as expected, and every pixel wrong."""

    class Swapped(Greys):
        classes = tuple(reversed(Greys.classes))

    with pytest.raises(InvalidInput, match="classes are dark, bright; the dataset's are bright, dark"):
        session_masks(Session(threshold_onnx()), Swapped())
