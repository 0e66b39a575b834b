"""The canonical layout on disk.

::

    root/images/{train,val,test}/NAME.jpg      also .jpeg, .png, .webp; NAME may hold folders
    root/masks/{train,val,test}/NAME.png       8-bit class ids, 255 = no label
    root/classes.json                          [{"id": 0, "name": "sky", "color": [70, 130, 180]}, ...]
    root/images/unlabeled/NAME.jpg             optional: images without masks, for `labels: teacher` or `mixed`

Without images/val, a tenth of train is held out by the hash of its names; without images/test, val is what is measured.
"""

from __future__ import annotations

import json
from functools import cached_property
from pathlib import Path
from reprlib import repr as brief
from typing import Any, cast
from unicodedata import category

from bpkd_core.data.base import IGNORE_INDEX, ClassInfo
from bpkd_core.data.files import IMAGE_SUFFIXES, MASK_SUFFIXES, list_files, refuse_escape
from bpkd_core.data.layout import SPLITS, Layout, Pair, Split
from bpkd_core.data.masks import MaskCode, plain_code
from bpkd_core.errors import InvalidDataset

UNLABELLED = "images/unlabeled"
EXPECTED_CLASSES = 'expected a list such as [{"id": 0, "name": "sky", "color": [70, 130, 180]}].'


class Folder(Layout):
    """images/, masks/ and classes.json."""

    name = "folder"
    expects = "images/train, masks/train and classes.json"
    unknown_value = "id_out_of_range"

    @staticmethod
    def fits(root: Path) -> bool:
        """Known by classes.json, or by a folder of images of one of its splits."""
        return (root / "classes.json").is_file() or any((root / "images" / split).is_dir() for split in SPLITS)

    def find(self, split: Split) -> list[Pair]:
        """The images in the split's own folder."""
        images = list_files(self.root, f"images/{split}", IMAGE_SUFFIXES)
        masks = list_files(self.root, f"masks/{split}", MASK_SUFFIXES)
        place = self.root / "masks" / split
        return [Pair(name, image, masks.get(name, place / f"{name}.png")) for name, image in images.items()]

    def unlabelled(self) -> list[Pair]:
        """The images of images/unlabeled."""
        return [Pair(name, image, None) for name, image in list_files(self.root, UNLABELLED, IMAGE_SUFFIXES).items()]

    def masks(self) -> list[Path]:
        """All that lies below masks/, with an image or without."""
        return [path for split in SPLITS for path in list_files(self.root, f"masks/{split}", MASK_SUFFIXES).values()]

    def definitions(self) -> list[Path]:
        """classes.json."""
        path = self.root / "classes.json"
        return [path] if path.is_file() else []

    def classes(self) -> tuple[ClassInfo, ...]:
        """The classes of classes.json."""
        return read_classes(self.root)

    def code(self, mask: Path) -> MaskCode:
        """Values are class ids."""
        del mask
        return self._code

    @cached_property
    def _code(self) -> MaskCode:
        try:
            return plain_code(len(self.classes()))
        except InvalidDataset:  # the report names it; masks can be looked at all the same
            return plain_code(IGNORE_INDEX)


def read_classes(root: Path) -> tuple[ClassInfo, ...]:
    """Read classes.json; an entry with the id 255 (void) is left out.

    Raises InvalidDataset where the file is missing, is no such list, or its ids are not 0 .. C - 1.
    """
    path = root / "classes.json"
    refuse_escape(root, path)
    if not path.is_file():
        raise InvalidDataset(f"{path.name} is missing; {EXPECTED_CLASSES}")
    try:
        classes = [_parse_class(entry) for entry in json.loads(path.read_text("utf-8-sig"))]
    except (ValueError, TypeError, KeyError, OverflowError, RecursionError) as error:
        raise InvalidDataset(f"{path.name} does not parse ({error}); {EXPECTED_CLASSES}") from error
    named = tuple(sorted((c for c in classes if c.id != IGNORE_INDEX), key=lambda c: c.id))
    ids = [c.id for c in named]
    if not ids or ids != list(range(len(ids))):
        raise InvalidDataset(f"{path.name} has the ids {ids[:20]}; expected each of 0, 1, 2, ... once, at most 254.")
    if len({c.name for c in named}) < len(named):
        raise InvalidDataset(f"{path.name} gives two classes one name; give each its own.")
    return named


def _parse_class(entry: Any) -> ClassInfo:
    if not isinstance(entry, dict) or not {"id", "name", "color"} <= entry.keys():
        raise ValueError(f"{brief(entry)} lacks id, name or color")
    number, name, color = (cast("dict[str, Any]", entry)[key] for key in ("id", "name", "color"))
    if type(number) is not int or not 0 <= number <= IGNORE_INDEX:
        raise ValueError(f"id {brief(number)} is no whole number within 0 .. {IGNORE_INDEX}")
    if not isinstance(name, str) or not 1 <= len(name) <= 200 or any(category(each) in ("Cc", "Cs") for each in name):
        raise ValueError(f"name {brief(name)} is no text of 1 to 200 characters without control characters")
    red, green, blue = (int(value) for value in color)
    if not all(0 <= value <= 255 for value in (red, green, blue)):
        raise ValueError(f"color {[red, green, blue]} is not within 0 .. 255")
    return ClassInfo(id=number, name=name, color=(red, green, blue))
