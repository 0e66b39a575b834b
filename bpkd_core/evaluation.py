"""Judge an exported ONNX file on a dataset: the one way in which teacher, control and student get their numbers."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from bpkd_core.data import SegmentationDataset
from bpkd_core.data.base import UInt8Array
from bpkd_core.errors import InvalidInput
from bpkd_core.infer import Session
from bpkd_core.metrics import Quality, evaluate_masks

Progress = Callable[[int, int], None]


def evaluate_session(session: Session, data: SegmentationDataset, *, progress: Progress | None = None) -> Quality:
    """Run every image of `data` at its own size and compare the masks with the truth.

    progress: called as (images done, images in all). Raises InvalidInput when the file's classes are not the
    dataset's, by number and name.
    """
    found, expected = [c.name for c in session.classes], [c.name for c in data.classes]
    if found != expected:
        raise InvalidInput(
            f"The model's classes are {', '.join(found)}; the dataset's are {', '.join(expected)}; "
            "evaluate it on a dataset with the classes it was trained for."
        )

    def pairs() -> Iterator[tuple[UInt8Array, UInt8Array]]:
        for index in range(len(data)):
            sample = data[index]
            yield session.predict(sample.image_HW3), sample.labels_HW
            if progress:
                progress(index + 1, len(data))

    return evaluate_masks(pairs(), len(expected), class_names=expected)
