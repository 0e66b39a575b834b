"""A dataset in the canonical layout, decoded on demand and kept in memory as far as it fits."""

from __future__ import annotations

from pathlib import Path

from bpkd_core.data.base import Sample
from bpkd_core.data.layout import Split, evaluation_split, list_pairs, read_classes
from bpkd_core.data.pixels import read_image, read_mask
from bpkd_core.errors import InvalidDataset

GIB = 1 << 30


class FolderDataset:
    """One split of a dataset folder (:mod:`bpkd_core.data.layout`), in the order of its names.

    `split` says which one is really read: asking for test where there is none reads val.

    cache_bytes bounds the decoded samples that are kept, in each process that reads; 0 keeps none. Once the bound is
    reached the rest is decoded again at each visit.

    Raises InvalidDataset if the split has no image or an image has no mask; `dataset[i]` raises it for a mask of
    another size than its image, and InvalidImage for a file that cannot be read.
    """

    def __init__(self, root: Path | str, split: Split, *, cache_bytes: int = GIB) -> None:
        self.root = Path(root)
        self.split: Split = evaluation_split(self.root) if split == "test" else split
        self.classes = read_classes(self.root)
        self.pairs = list_pairs(self.root, self.split)
        self.names = tuple(pair.name for pair in self.pairs)
        self._kept: dict[int, Sample] = {}
        self._room = cache_bytes
        if not self.pairs:
            raise InvalidDataset(f"The split {self.split} has no image; put some into images/{self.split}.")
        orphans = [pair.name for pair in self.pairs if not pair.mask.is_file()]
        if orphans:
            raise InvalidDataset(
                f"{len(orphans)} images of {self.split} have no mask, the first is {orphans[0]}; "
                f"add masks/{self.split}/{orphans[0]}.png."
            )

    def __len__(self) -> int:
        return len(self.pairs)

    def __getitem__(self, index: int, /) -> Sample:
        if index in self._kept:
            return self._kept[index]
        sample = self._read(index)
        size = sample.image_HW3.nbytes + sample.labels_HW.nbytes
        if size <= self._room:
            self._room -= size
            self._kept[index] = sample
        return sample

    def _read(self, index: int) -> Sample:
        pair = self.pairs[index]
        image, labels = read_image(pair.image), read_mask(pair.mask)
        if image.shape[:2] != labels.shape:
            raise InvalidDataset(
                f"The mask of {pair.name} is {labels.shape[1]}x{labels.shape[0]} and its image "
                f"{image.shape[1]}x{image.shape[0]}; they must be equal."
            )
        return Sample(image, labels)
