"""Cityscapes as it is downloaded (Cordts and others, 2016).

::

    root/leftImg8bit/{train,val}/TOWN/NAME_leftImg8bit.png
    root/gtFine/{train,val}/TOWN/NAME_gtFine_labelTrainIds.png     or _labelIds.png, which is mapped to the 19 classes
    root/leftImg8bit/train_extra/TOWN/...                          optional: images without fine masks

The labels of the test split are withheld by its authors, so val is what is measured.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar

from bpkd_core.data.base import IGNORE_INDEX, ClassInfo
from bpkd_core.data.files import IMAGE_SUFFIXES, MASK_SUFFIXES, list_files
from bpkd_core.data.layout import Layout, Pair, Problem, Split
from bpkd_core.data.masks import MaskCode, named_classes, plain_code

CLASSES = named_classes("""
    804080 road
    f423e8 sidewalk
    464646 building
    66669c wall
    be9999 fence
    999999 pole
    faaa1e traffic light
    dcdc00 traffic sign
    6b8e23 vegetation
    98fb98 terrain
    4682b4 sky
    dc143c person
    ff0000 rider
    00008e car
    000046 truck
    003c64 bus
    005064 train
    0000e6 motorcycle
    770b20 bicycle
""")
EVALUATED = (7, 8, 11, 12, 13, 17, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 31, 32, 33)
LAST_LABEL = 33
FROM_LABEL_IDS = MaskCode(
    {
        **dict.fromkeys(range(LAST_LABEL + 1), IGNORE_INDEX),
        **{label: train_id for train_id, label in enumerate(EVALUATED)},
        IGNORE_INDEX: IGNORE_INDEX,  # -1, the licence plate
    }
)
IMAGE_MARK, TRAIN_IDS, LABEL_IDS = "_leftImg8bit", "_gtFine_labelTrainIds", "_gtFine_labelIds"


class Cityscapes(Layout):
    """19 classes; masks of label ids or of train ids, also mixed."""

    name = "cityscapes"
    expects = "leftImg8bit/train and gtFine/train"
    fixes: ClassVar[Mapping[str, str]] = {
        "missing_pair": "Unpack gtFine_trainvaltest beside leftImg8bit_trainvaltest, so that both lie in one folder.",
        "id_unmapped": "Take the _labelIds or _labelTrainIds files as they are downloaded; _instanceIds and _color "
        "are not read.",
        "empty_split": "Unpack leftImg8bit_trainvaltest into this folder.",
    }

    @staticmethod
    def fits(root: Path) -> bool:
        """Known by its two trees."""
        return (root / "leftImg8bit").is_dir() and (root / "gtFine").is_dir()

    def find(self, split: Split) -> list[Pair]:
        """The images of a split with their fine masks; none of test."""
        if split == "test":
            return []
        masks = list_files(self.root, f"gtFine/{split}", MASK_SUFFIXES)
        missing = self.root / "gtFine" / split
        return [
            Pair(
                name,
                image,
                masks.get(name + TRAIN_IDS) or masks.get(name + LABEL_IDS) or missing / f"{name}{LABEL_IDS}.png",
            )
            for name, image in self._images(split).items()
        ]

    def unlabelled(self) -> list[Pair]:
        """The images of train_extra; their coarse masks are not read."""
        return [Pair(name, image, None) for name, image in self._images("train_extra").items()]

    def classes(self) -> tuple[ClassInfo, ...]:
        """The 19 that are evaluated."""
        return CLASSES

    def code(self, mask: Path) -> MaskCode:
        """Train ids as they are, label ids mapped."""
        return plain_code(len(CLASSES)) if mask.stem.endswith(TRAIN_IDS) else FROM_LABEL_IDS

    def place(self, split: Split) -> str:
        """The split's folder of images."""
        return f"leftImg8bit/{split}"

    def remarks(self, classes: Sequence[ClassInfo]) -> list[Problem]:
        """That test is left out."""
        del classes
        place = "leftImg8bit/test"
        return [Problem("withheld_test", place)] if (self.root / place).is_dir() else []

    def _images(self, split: str) -> dict[str, Path]:
        found = list_files(self.root, f"leftImg8bit/{split}", IMAGE_SUFFIXES)
        return {name.removesuffix(IMAGE_MARK): path for name, path in found.items()}
