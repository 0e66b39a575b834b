"""What a network sees while it is trained: a few validation images, drawn at each evaluation from masks made anyway."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from torch import Tensor

from bpkd_core.agreement import Relabelled
from bpkd_core.bundle import ClassInfo, Reference, Role, write_atomically
from bpkd_core.data import Sample, SegmentationDataset
from bpkd_core.data.base import UInt8Array
from bpkd_core.events import Emit, Event, Stage
from bpkd_core.picture import draw_comparison

EXAMPLES = 3
FOLDER = "previews"


class Previews:
    """The watcher of one training (:class:`bpkd_core.train.validation.Watcher`). The images are the same each time."""

    def __init__(
        self,
        folder: Path,
        emit: Emit,
        *,
        stage: Stage,
        role: Role,
        data: SegmentationDataset,
        classes: Sequence[ClassInfo],
    ) -> None:
        self._folder, self._emit = folder, emit
        self._stage, self._role, self._classes = stage, role, classes
        self._reference: Reference = "teacher" if isinstance(data, Relabelled) else "labels"
        self._chosen = frozenset(int(place) for place in np.linspace(0, len(data) - 1, min(EXAMPLES, len(data))))
        self._seen: dict[int, tuple[Sample, UInt8Array]] = {}

    def look(self, index: int, sample: Sample, mask_HW: Tensor) -> None:
        """Remember a mask, if it is of one of the images that are drawn."""
        if index in self._chosen:
            self._seen[index] = sample, mask_HW.numpy().astype(np.uint8)

    def tell(self, step: int) -> None:
        """Draw what was seen, as `previews/<stage>-<step>.png` in the run's folder, and say so."""
        samples, masks = zip(*(self._seen[index] for index in sorted(self._seen)), strict=True)
        picture = draw_comparison(samples, {self._role: masks}, self._classes, self._reference)
        path = f"{FOLDER}/{self._stage}-{step:08d}.png"
        write_atomically(self._folder / path, picture)
        self._emit(Event("preview", {"stage": self._stage, "step": step, "path": path}))
