"""A split of a dataset folder, decoded on demand and kept in memory as far as it fits."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import numpy as np

from bpkd_core.data.base import Sample, UInt8Array
from bpkd_core.data.layout import AUTO, Pair, Split, open_layout
from bpkd_core.data.pixels import read_image
from bpkd_core.errors import InvalidDataset

GIB = 1 << 30
UNLABELLED = 254
"""The label of every pixel of an image whose labels only a teacher can give; 255 stays what nobody is to say."""

Unlabelled = Literal["refuse", "drop", "keep", "only"]


class FolderDataset:
    """One split of a dataset folder, in any layout of the catalog and in the order of its names.

    `split` says which one is really read: asking for test where there is none reads val.

    unlabelled: what becomes of images without a mask. "refuse" them; "drop" them; "keep" them, with every label
    UNLABELLED; or let there be "only" such: no mask is read at all. The last two add to train the images that never had
    a mask. cache_bytes bounds the decoded samples that are kept, in each process that reads; 0 keeps none. Once the
    bound is reached the rest is decoded again at each visit.

    Raises InvalidDataset if the split has no image or an image has no mask; `dataset[i]` raises it for a mask of
    another size than its image or with values that stand for nothing, and InvalidImage for a file that cannot be read.
    """

    def __init__(
        self,
        root: Path | str,
        split: Split,
        *,
        layout: str = AUTO,
        unlabelled: Unlabelled = "refuse",
        cache_bytes: int = GIB,
    ) -> None:
        self.layout = open_layout(root, layout)
        self.split: Split = self.layout.evaluation_split if split == "test" else split
        self.classes = self.layout.classes()
        self.pairs = self._choose(unlabelled)
        self.names = tuple(pair.name for pair in self.pairs)
        self._blind = unlabelled == "only"
        self._kept: dict[int, Sample] = {}
        self._room = cache_bytes
        if not self.pairs:
            place = self.layout.place(self.split)
            raise InvalidDataset(f"The split {self.split} has no image{_why(unlabelled)}; put some into {place}.")

    def __len__(self) -> int:
        return len(self.pairs)

    @property
    def labelled(self) -> int:
        """How many samples have labels."""
        return 0 if self._blind else sum(pair.labelled for pair in self.pairs)

    def __getitem__(self, index: int, /) -> Sample:
        if index in self._kept:
            return self._kept[index]
        sample = self._read(index)
        size = sample.image_HW3.nbytes + sample.labels_HW.nbytes
        if size <= self._room:
            self._room -= size
            self._kept[index] = sample
        return sample

    def _choose(self, unlabelled: Unlabelled) -> list[Pair]:
        pairs = self.layout.pairs(self.split)
        if unlabelled == "drop":
            return [pair for pair in pairs if pair.labelled]
        if unlabelled in ("keep", "only"):
            return pairs + (self.layout.unlabelled() if self.split == "train" else [])
        orphans = [pair for pair in pairs if not pair.labelled]
        if orphans:
            first = orphans[0]
            place = (first.mask or first.image).relative_to(self.layout.root).as_posix()
            raise InvalidDataset(
                f"{len(orphans)} images of {self.split} have no mask, the first is {first.name}; add {place}."
            )
        return pairs

    def _read(self, index: int) -> Sample:
        pair = self.pairs[index]
        image = read_image(pair.image)
        if self._blind or not pair.labelled:
            return Sample(image, np.full(image.shape[:2], UNLABELLED, np.uint8))
        labels = self._read_mask(pair)
        if image.shape[:2] != labels.shape:
            raise InvalidDataset(
                f"The mask of {pair.name} is {labels.shape[1]}x{labels.shape[0]} and its image "
                f"{image.shape[1]}x{image.shape[0]}; they must be equal."
            )
        return Sample(image, labels)

    def _read_mask(self, pair: Pair) -> UInt8Array:
        assert pair.mask is not None
        labels, unknown = self.layout.code(pair.mask).read(pair.mask.read_bytes(), pair.mask.name)
        if unknown:
            raise InvalidDataset(
                f"The mask of {pair.name} holds {', '.join(unknown[:5])}, which no class has; "
                "`bpkd dataset check` says what to mend."
            )
        return labels


def _why(unlabelled: Unlabelled) -> str:
    return " with a mask" if unlabelled == "drop" else ""
