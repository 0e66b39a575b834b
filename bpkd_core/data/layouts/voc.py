"""Pascal VOC segmentation (Everingham and others, 2015).

::

    root/JPEGImages/NAME.jpg
    root/SegmentationClass/NAME.png                     palette of class ids, 0 = background (a class), 255 = no label
    root/ImageSets/Segmentation/{train,val,test}.txt    names, one a line

Images that no list names are left out: they are VOC's images for other tasks.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

from bpkd_core.data.base import IGNORE_INDEX, ClassInfo
from bpkd_core.data.files import IMAGE_SUFFIXES, MASK_SUFFIXES, list_files, read_names
from bpkd_core.data.layout import Layout, Pair, Split
from bpkd_core.data.masks import MaskCode, plain_code, voc_colours

NAMES = (
    "background", "aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow", "diningtable",
    "dog", "horse", "motorbike", "person", "pottedplant", "sheep", "sofa", "train", "tvmonitor",
)  # fmt: skip
COLOURS = voc_colours(len(NAMES))
BORDER = (224, 224, 192)  # 255 in VOC's palette
CLASSES = tuple(ClassInfo(id=i, name=name, color=COLOURS[i]) for i, name in enumerate(NAMES))
CODE = MaskCode(plain_code(len(CLASSES)).ids, {**{colour: i for i, colour in enumerate(COLOURS)}, BORDER: IGNORE_INDEX})


class VOC(Layout):
    """21 classes with background; palette masks, or RGB ones in VOC's colours."""

    name = "voc"
    expects = "JPEGImages, SegmentationClass and ImageSets/Segmentation"
    mask_folder: ClassVar[str] = "SegmentationClass"
    list_folder: ClassVar[str] = "ImageSets/Segmentation"
    fixes: ClassVar[Mapping[str, str]] = {
        "missing_pair": "Add the masks to SegmentationClass, or take the names out of the lists in ImageSets.",
        "missing_image": "Add the images to JPEGImages, or take the names out of the lists in ImageSets.",
        "id_unmapped": "VOC's values end at 20, with 255 for no label; for classes of your own add a labelmap.txt.",
        "empty_split": "Write the names of the images to ImageSets/Segmentation/train.txt and val.txt.",
    }

    @staticmethod
    def fits(root: Path) -> bool:
        """Known by its three folders, and by having no label map."""
        has_folders = all((root / name).is_dir() for name in ("JPEGImages", "SegmentationClass", "ImageSets"))
        return has_folders and not (root / "labelmap.txt").is_file()

    def find(self, split: Split) -> list[Pair]:
        """What the split's list names."""
        return self.listed(read_names(self.root, self.root / self.list_folder / f"{split}.txt"))

    def listed(self, names: list[str]) -> list[Pair]:
        """A pair for each name, be its files there or not."""
        images = list_files(self.root, "JPEGImages", IMAGE_SUFFIXES) if names else {}
        masks = list_files(self.root, self.mask_folder, MASK_SUFFIXES) if names else {}
        home = self.root / self.mask_folder
        return [
            Pair(name, images.get(name, self.root / f"JPEGImages/{name}.jpg"), masks.get(name, home / f"{name}.png"))
            for name in names
        ]

    def definitions(self) -> list[Path]:
        """The lists of names."""
        return [path for path in (self.root / self.list_folder).glob("*.txt") if path.is_file()]

    def classes(self) -> tuple[ClassInfo, ...]:
        """The 21."""
        return CLASSES

    def code(self, mask: Path) -> MaskCode:
        """Ids as they are; colours as VOC deals them."""
        del mask
        return CODE

    def place(self, split: Split) -> str:
        """The list of the split."""
        return f"{self.list_folder}/{split}.txt"
