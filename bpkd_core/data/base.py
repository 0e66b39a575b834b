"""What a dataset is to the rest of the library: numbered samples, their names, and the classes that the masks count."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from bpkd_core.bundle import ClassInfo

__all__ = ["IGNORE_INDEX", "ClassInfo", "Sample", "SegmentationDataset", "UInt8Array"]

IGNORE_INDEX = 255
"""The mask value of a pixel without a label (void)."""

UInt8Array = NDArray[np.uint8]


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """One image and its mask.

    image_HW3: uint8 RGB. labels_HW: uint8 class ids, 255 where there is no label. Both are shared with the dataset's
    cache: read them, do not write into them.
    """

    image_HW3: UInt8Array
    labels_HW: UInt8Array


class SegmentationDataset(Protocol):
    """A sequence of samples in a fixed order. `names[i]` names sample i in reports."""

    @property
    def names(self) -> Sequence[str]: ...  # noqa: D102 - said above

    @property
    def classes(self) -> Sequence[ClassInfo]: ...  # noqa: D102 - ids are 0 .. len - 1

    def __len__(self) -> int: ...

    def __getitem__(self, index: int, /) -> Sample: ...
