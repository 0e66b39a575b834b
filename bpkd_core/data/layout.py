"""What a folder must say to be a dataset: which images are of which split, where their masks lie, what these mean.

A layout answers that for one way of arranging files (:mod:`bpkd_core.data.layouts`); all that follows from the answers
is here, the same for each. Without a val split a tenth of train is held out by the hash of its names; without a test
split, val is what is measured.
"""

from __future__ import annotations

import hashlib
import os
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import ClassVar, Literal, NamedTuple, get_args

from bpkd_core import catalog
from bpkd_core.data.base import ClassInfo
from bpkd_core.data.files import refuse_escape
from bpkd_core.data.masks import MaskCode
from bpkd_core.errors import InvalidDataset

Split = Literal["train", "val", "test"]
SPLITS: tuple[Split, ...] = get_args(Split)
AUTO = "auto"
DEFAULT = "folder"
HELD_OUT = 0.1
DEEPEST = 2  # levels of folders around the dataset, as archives have them: VOCdevkit/VOC2012


@dataclass(frozen=True, slots=True)
class Pair:
    """One image and the place where its mask belongs (it may be missing); None for an image that never had one."""

    name: str
    image: Path
    mask: Path | None

    @property
    def labelled(self) -> bool:
        """Whether the mask is there."""
        return self.mask is not None and self.mask.is_file()


class Problem(NamedTuple):
    """One thing wrong, or worth knowing, at one place: the rule's name, the file or class, what was seen."""

    rule: str
    place: str
    detail: str = ""


class Layout(ABC):
    """A dataset folder in one layout.

    name: as in the catalog. expects: the files that it is known by. unknown_value: the rule that a mask breaks with a
    value which stands for nothing. fixes: rule -> how to mend it in this layout's own
    words (:data:`bpkd_core.data.rules.RULES` has the general ones). What it has read of the folder it keeps.
    """

    name: ClassVar[str]
    expects: ClassVar[str]
    unknown_value: ClassVar[str] = "id_unmapped"
    fixes: ClassVar[Mapping[str, str]] = MappingProxyType({})

    def __init__(self, root: Path) -> None:
        self.root = root
        self._stored: dict[Split, list[Pair]] = {}

    @staticmethod
    @abstractmethod
    def fits(root: Path) -> bool:
        """Whether a folder looks like this layout; decided by names alone."""

    @abstractmethod
    def find(self, split: Split) -> list[Pair]:
        """The images that belong to a split by themselves, by name. Raises InvalidDataset for links that lead out."""

    @abstractmethod
    def classes(self) -> tuple[ClassInfo, ...]:
        """The classes, ids 0 .. C - 1. Raises InvalidDataset where the folder should say and does not."""

    @abstractmethod
    def code(self, mask: Path) -> MaskCode:
        """What the values of a mask file mean. Raises as :meth:`classes`."""

    def unlabelled(self) -> list[Pair]:
        """Images that are meant to have no mask, for training on a teacher's."""
        return []

    def definitions(self) -> list[Path]:
        """Files beside images and masks that decide what the dataset is."""
        return []

    def masks(self) -> list[Path]:
        """Every mask on disk; those that no pair names are strays."""
        return [pair.mask for split in SPLITS for pair in self.stored(split) if pair.labelled and pair.mask]

    def remarks(self, classes: Sequence[ClassInfo]) -> list[Problem]:
        """What only this layout can find; classes: those of :meth:`classes`, none if it failed."""
        del classes
        return []

    def source(self, split: Split) -> str:
        """Where a split comes from, for the report."""
        if split == "val" and not self.stored("val"):
            return "a tenth of train, held out by the hash of its names"
        return self.place(split)

    def place(self, split: Split) -> str:
        """Where the images of a split lie, relative to the root."""
        return f"images/{split}"

    def stored(self, split: Split) -> list[Pair]:
        """What :meth:`find` finds, looked for once. Raises InvalidDataset where a link would lead out of the root."""
        if split not in self._stored:
            pairs = self.find(split)
            self._refuse_links([path for pair in pairs for path in (pair.image, pair.mask) if path])
            self._stored[split] = pairs
        return self._stored[split]

    def _refuse_links(self, paths: Sequence[Path]) -> None:
        """A place that was only made up from a name, for a mask that was not listed, may lie behind a link."""
        for path in {path.parent for path in paths} | {path for path in paths if path.is_symlink()}:
            refuse_escape(self.root, path)

    @property
    def evaluation_split(self) -> Split:
        """The split that final numbers are measured on: test if there is one, else val."""
        return "test" if self.stored("test") else "val"

    def pairs(self, split: Split) -> list[Pair]:
        """Every pair of a split by name, after the fall-backs. Raises as :meth:`stored`."""
        if split == "test":
            split = self.evaluation_split
        stored = self.stored(split)
        if split == "test" or (split == "val" and stored):
            return stored
        if split == "train" and self.stored("val"):
            return stored
        pairs = stored if split == "train" else self.stored("train")
        held_out = held_out_names([pair.name for pair in pairs])
        return [pair for pair in pairs if (pair.name in held_out) == (split == "val")]

    def fingerprint(self) -> str:
        """sha256 over definitions and every image and mask: sorted relative names, sizes and contents."""
        images = [pair.image for split in SPLITS for pair in self.stored(split)]
        extra = [pair.image for pair in self.unlabelled()]
        files = {path.relative_to(self.root).as_posix(): path for path in self.definitions()}
        files |= {p.relative_to(self.root).as_posix(): p for p in [*images, *extra, *self.masks()] if p.is_file()}
        digest = hashlib.sha256()
        for name, path in sorted(files.items()):
            data = path.read_bytes()
            digest.update(os.fsencode(f"{name}\0{len(data)}\0"))
            digest.update(data)
        return digest.hexdigest()


def held_out_names(names: Sequence[str]) -> set[str]:
    """A tenth of the names, at least one, chosen by their hash alone: a new file never moves an old one."""
    ranked = sorted((hashlib.sha256(os.fsencode(name)).digest(), name) for name in names)
    limit = int(HELD_OUT * 2**32).to_bytes(4, "big")
    return {name for digest, name in ranked if digest[:4] < limit} or {name for _, name in ranked[:1]}


def open_layout(root: Path | str, name: str = AUTO) -> Layout:
    """The layout of a dataset folder: the one that is named, or the first of the catalog that fits.

    Single folders around the dataset, as an unpacked archive has them, are looked through. A folder that no layout fits
    is taken for the canonical one, whose report says what is missing. Raises InvalidDataset where there is no folder
    and where the layout that was named does not fit, UnknownName for a name that is in no table.
    """
    root = Path(root)
    if not root.is_dir():
        raise InvalidDataset(f"{root.name} is no folder; expected one with the images and masks of a dataset.")
    wanted = catalog.names("datasets") if name == AUTO else [catalog.require("datasets", name, param="layout")]
    kinds = [catalog.load("datasets", each) for each in sorted(wanted, key=lambda each: each != DEFAULT)]
    for home in _nested(root):
        for kind in kinds:
            if kind.fits(home):
                return kind(home)
    if name not in (AUTO, DEFAULT):
        raise InvalidDataset(
            f"{root.name} does not hold the layout {name}; expected {kinds[0].expects}.", param="layout"
        )
    return catalog.load("datasets", DEFAULT)(root)


def _nested(root: Path) -> Iterable[Path]:
    """The folder itself, then the only folder inside it, and so on."""
    yield root
    for _ in range(DEEPEST):
        inside = [path for path in root.iterdir() if path.is_dir() and not path.name.startswith((".", "__"))]
        if len(inside) != 1 or inside[0].is_symlink():
            return
        root = inside[0]
        yield root


def fingerprint(root: Path | str, layout: str = AUTO) -> str:
    """sha256 of a dataset (:meth:`Layout.fingerprint`)."""
    return open_layout(root, layout).fingerprint()
