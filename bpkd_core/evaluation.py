"""Judge predicted masks on a dataset: the one way in which teacher, control and student get their numbers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from numpy.typing import NDArray

from bpkd_core.data import SegmentationDataset
from bpkd_core.data.base import UInt8Array
from bpkd_core.errors import InvalidInput
from bpkd_core.infer import Session
from bpkd_core.metrics import Quality, evaluate_masks

Progress = Callable[[int, int], None]
Predict = Callable[[str, UInt8Array], NDArray[Any]]
"""The mask (H, W) of class ids for an image: `predict(name, image_HW3)`."""


def evaluate(predict: Predict, data: SegmentationDataset, *, progress: Progress | None = None) -> Quality:
    """Ask for the mask of every image of `data` at its own size and compare it with the truth.

    progress: called as (images done, images in all). Raises InvalidInput for a mask of another size, for ids that no
    class has, and for a split without a single labelled pixel.
    """

    def pairs() -> Iterator[tuple[NDArray[Any], UInt8Array]]:
        for index in range(len(data)):
            sample = data[index]
            yield predict(data.names[index], sample.image_HW3), sample.labels_HW
            if progress:
                progress(index + 1, len(data))

    names = [each.name for each in data.classes]
    quality = evaluate_masks(pairs(), len(names), class_names=names, names=data.names)
    if not quality.pixels:
        raise InvalidInput(
            f"No pixel of the {len(data)} images has a label, so there is nothing to judge; add masks with class ids."
        )
    return quality


def session_masks(session: Session, data: SegmentationDataset) -> Predict:
    """The masks of an exported file. Raises InvalidInput when its classes are not the dataset's."""
    found, expected = [c.name for c in session.classes], [c.name for c in data.classes]
    if found != expected:
        raise InvalidInput(
            f"The model's classes are {', '.join(found)}; the dataset's are {', '.join(expected)}; "
            "evaluate it on a dataset with the classes it was trained for."
        )
    return lambda _, image_HW3: session.predict(image_HW3)
