"""CVAT's export "Segmentation mask 1.1": VOC's folders with classes of one's own.

::

    root/labelmap.txt                          # label:color_rgb:parts:actions, one line a class
    root/SegmentationClass/NAME.png            the classes' colours, or their numbers in the order of the label map
    root/JPEGImages/NAME.jpg                   the images; export with "Save images", or add them
    root/ImageSets/Segmentation/*.txt          names; default.txt is train where there is no train.txt

A label called void, ignore or unlabelled (D) is no class: its pixels have no label. Any other, background too, is one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import ClassVar

from bpkd_core.data.base import IGNORE_INDEX, ClassInfo
from bpkd_core.data.files import read_names, read_text
from bpkd_core.data.layout import Pair, Problem, Split
from bpkd_core.data.layouts.voc import VOC
from bpkd_core.data.masks import Colour, MaskCode
from bpkd_core.errors import InvalidDataset

NO_LABEL = {"void", "ignore", "ignored", "unlabeled", "unlabelled"}
BACKGROUND = "background"
MOST_CLASSES = 255


class CVAT(VOC):
    """VOC's folders with a labelmap.txt."""

    name = "cvat"
    expects = "labelmap.txt, SegmentationClass, JPEGImages and ImageSets/Segmentation"
    fixes: ClassVar[Mapping[str, str]] = {
        "missing_pair": "Finish the annotation and export again, or take the names out of ImageSets/Segmentation.",
        "missing_image": 'Export with "Save images", or copy the images to JPEGImages.',
        "id_unmapped": "Add the colours to labelmap.txt as label:red,green,blue:: or export again.",
        "empty_split": "Write the names of the images to ImageSets/Segmentation/train.txt; "
        "without val.txt a tenth is held out.",
        "bad_classes_json": "Write labelmap.txt with one line label:red,green,blue:: for each class.",
    }

    @staticmethod
    def fits(root: Path) -> bool:
        """Known by its label map."""
        return (root / "labelmap.txt").is_file() and (root / "SegmentationClass").is_dir()

    def find(self, split: Split) -> list[Pair]:
        """What the split's list names; default.txt is train's."""
        lists = self.root / self.list_folder
        if split == "train" and not (lists / "train.txt").is_file():
            return self.listed(read_names(self.root, lists / "default.txt"))
        return super().find(split)

    def definitions(self) -> list[Path]:
        """The label map and the lists."""
        return [self.root / "labelmap.txt", *super().definitions()]

    def classes(self) -> tuple[ClassInfo, ...]:
        """The labels of labelmap.txt in their order, without those that mean no label."""
        kept = [(name, colour) for name, colour in self._labels() if name.lower() not in NO_LABEL]
        return tuple(ClassInfo(id=i, name=name, color=colour) for i, (name, colour) in enumerate(kept))

    def code(self, mask: Path) -> MaskCode:
        """By colour, also through a palette; grey masks by the number of the label."""
        del mask
        return self._code

    @cached_property
    def _code(self) -> MaskCode:
        ids = {each.name: each.id for each in self.classes()}
        labels = [(colour, ids.get(name, IGNORE_INDEX)) for name, colour in self._labels()]
        by_number = {number: value for number, (_, value) in enumerate(labels)}
        return MaskCode({IGNORE_INDEX: IGNORE_INDEX, **by_number}, dict(labels), by_palette=True)

    def remarks(self, classes: Sequence[ClassInfo]) -> list[Problem]:
        """That background is learned like any other class."""
        return [Problem("background_class", each.name) for each in classes if each.name.lower() == BACKGROUND]

    def _labels(self) -> list[tuple[str, Colour]]:
        """(label, colour) of each line, in order. Raises InvalidDataset."""
        lines = read_text(self.root, self.root / "labelmap.txt").splitlines()
        labels = [_parse_label(line.strip()) for line in lines if line.strip() and not line.startswith("#")]
        if not labels or len(labels) > MOST_CLASSES:
            raise InvalidDataset(f"labelmap.txt has {len(labels)} labels; expected 1 to {MOST_CLASSES}.")
        if len({name for name, _ in labels}) < len(labels) or len({colour for _, colour in labels}) < len(labels):
            raise InvalidDataset("labelmap.txt gives two labels one name or one colour; give each its own.")
        return labels


def _parse_label(line: str) -> tuple[str, Colour]:
    name, _, rest = line.partition(":")
    try:
        red, green, blue = (int(part) for part in rest.partition(":")[0].split(","))
        if not all(0 <= value <= 255 for value in (red, green, blue)) or not 1 <= len(name) <= 200:
            raise ValueError
    except ValueError:
        raise InvalidDataset(
            f"labelmap.txt has the line {line[:80]!r}; expected label:red,green,blue:: with colours from 0 to 255."
        ) from None
    return name, (red, green, blue)
