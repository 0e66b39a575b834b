"""The canonical layout on disk, and what it means when parts of it are absent.

::

    root/images/{train,val,test}/NAME.jpg      also .jpeg, .png, .webp; NAME may hold folders
    root/masks/{train,val,test}/NAME.png       8-bit class ids, 255 = no label
    root/classes.json                          [{"id": 0, "name": "sky", "color": [70, 130, 180]}, ...]

Without images/val, a tenth of train is held out by the hash of its names; without images/test, val is what is measured.
"""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path
from reprlib import repr as brief
from typing import Any, Literal, cast, get_args
from unicodedata import category

from bpkd_core.data.base import IGNORE_INDEX, ClassInfo
from bpkd_core.errors import InvalidDataset

Split = Literal["train", "val", "test"]
SPLITS: tuple[Split, ...] = get_args(Split)
IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".webp")
HELD_OUT = 0.1
EXPECTED_CLASSES = 'expected a list such as [{"id": 0, "name": "sky", "color": [70, 130, 180]}].'


@dataclass(frozen=True, slots=True)
class Pair:
    """One image and the place where its mask belongs (it may be missing)."""

    name: str
    image: Path
    mask: Path


def list_files(root: Path, folder: str, suffixes: tuple[str, ...]) -> dict[str, Path]:
    """Files below root/folder by name (the relative path without its suffix), sorted; hidden files are skipped.

    Raises InvalidDataset for a file that is, or lies behind, a link out of the root, and for two files of one name.
    """
    _refuse_escape(root, root / folder)
    found: dict[str, Path] = {}
    for path in sorted((root / folder).rglob("*")):
        if path.name.startswith(".") or path.suffix.lower() not in suffixes:
            continue
        if path.is_symlink():  # rglob enters no linked folder, so only the file itself can lead out
            _refuse_escape(root, path)
        if not path.is_file():
            continue
        name = path.relative_to(root / folder).with_suffix("").as_posix()
        if name in found:
            relative = path.relative_to(root).as_posix()
            raise InvalidDataset(f"{relative} and {found[name].name} share one name; a mask could belong to either.")
        found[name] = path
    return found


def _refuse_escape(root: Path, path: Path) -> None:
    place = path.relative_to(root).as_posix()
    try:
        inside = path.resolve().is_relative_to(root.resolve())
    except (OSError, RuntimeError) as error:  # a link that leads to itself
        raise InvalidDataset(f"{place} is a link that leads nowhere; replace it by the file.") from error
    if not inside:
        raise InvalidDataset(f"{place} leads out of the dataset; copy it to its place.")


def stored_pairs(root: Path, split: Split) -> list[Pair]:
    """The images that lie in the split's own folder, each with the path of its mask."""
    images = list_files(root, f"images/{split}", IMAGE_SUFFIXES)
    masks = list_files(root, f"masks/{split}", (".png",))
    return [
        Pair(name, image, masks.get(name, root / "masks" / split / f"{name}.png")) for name, image in images.items()
    ]


def has_split(root: Path, split: Split) -> bool:
    """Whether the folder of the split holds any image of its own."""
    return bool(list_files(root, f"images/{split}", IMAGE_SUFFIXES))


def evaluation_split(root: Path) -> Split:
    """The split that final numbers are measured on: test if there is one, else val."""
    return "test" if has_split(root, "test") else "val"


def list_pairs(root: Path, split: Split) -> list[Pair]:
    """Every pair of a split by name, after the fall-backs of this layout. Raises as :func:`list_files`."""
    if split == "test":
        split = evaluation_split(root)
    if split == "test" or has_split(root, "val"):
        return stored_pairs(root, split)
    pairs = stored_pairs(root, "train")
    held_out = held_out_names([pair.name for pair in pairs])
    return [pair for pair in pairs if (pair.name in held_out) == (split == "val")]


def held_out_names(names: list[str]) -> set[str]:
    """A tenth of the names, at least one, chosen by their hash alone: a new file never moves an old one."""
    ranked = sorted((hashlib.sha256(os.fsencode(name)).digest(), name) for name in names)
    limit = int(HELD_OUT * 2**32).to_bytes(4, "big")
    return {name for digest, name in ranked if digest[:4] < limit} or {name for _, name in ranked[:1]}


def read_classes(root: Path) -> tuple[ClassInfo, ...]:
    """Read classes.json; an entry with the id 255 (void) is left out.

    Raises InvalidDataset where the file is missing, is no such list, or its ids are not 0 .. C - 1.
    """
    path = root / "classes.json"
    _refuse_escape(root, path)
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


def fingerprint(root: Path) -> str:
    """sha256 over classes.json and every image and mask: sorted relative names, sizes and contents."""
    digest = hashlib.sha256()
    files = {"classes.json": root / "classes.json"} if (root / "classes.json").is_file() else {}
    for split in SPLITS:
        for folder, suffixes in ((f"images/{split}", IMAGE_SUFFIXES), (f"masks/{split}", (".png",))):
            files |= {path.relative_to(root).as_posix(): path for path in list_files(root, folder, suffixes).values()}
    for name, path in sorted(files.items()):
        data = path.read_bytes()
        digest.update(os.fsencode(f"{name}\0{len(data)}\0"))
        digest.update(data)
    return digest.hexdigest()
