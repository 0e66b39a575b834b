"""Which samples make batch number `step`, and a loader that makes the batches.

The plan holds no state: position is a pure function of the step, so a run that resumes at step n sees what an
uninterrupted run would have seen, whatever the number of worker processes.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from bpkd_core.boundary import EdgeBands
from bpkd_core.data.base import Sample, SegmentationDataset
from bpkd_core.errors import InvalidInput

Transform = Callable[[Sample, int], tuple[Tensor, Tensor]]
Outline = Callable[[Tensor], EdgeBands]
"""Finds the edges of labels_NHW."""


class Batch(NamedTuple):
    """images_N3HW and labels_NHW, both uint8. bands: the edges of the labels, where a method asked for them."""

    images_N3HW: Tensor
    labels_NHW: Tensor
    bands: EdgeBands | None = None

    def on(self, device: torch.device) -> Batch:
        """The same on another device, without waiting for it."""
        images, labels = (each.to(device, non_blocking=True) for each in self[:2])
        return Batch(images, labels, self.bands and self.bands.on(device))

    def split(self, parts: int) -> Iterator[Batch]:
        """Parts of nearly one size, none of them empty."""
        first = 0
        for images, labels in zip(*(each.tensor_split(min(parts, len(each))) for each in self[:2]), strict=True):
            yield Batch(images, labels, self.bands and self.bands.of_images(first, len(images)))
            first += len(images)


def batch_indices(step: int, *, length: int, batch_size: int, seed: int) -> list[tuple[int, int]]:
    """The (sample index, sample seed) of each place in batch `step`, counted from 0.

    Epochs are shuffles of the `length` samples and follow one another without a gap: a batch may end one and begin the
    next. Each visit of a sample has its own seed. Raises InvalidInput for an empty dataset or batch.
    """
    if length < 1 or batch_size < 1:
        raise InvalidInput(f"{length} samples in batches of {batch_size}; expected at least one of both.")
    visits = range(step * batch_size, (step + 1) * batch_size)
    return [(_shuffle(length, visit // length, seed)[visit % length], _visit_seed(visit, seed)) for visit in visits]


@lru_cache(maxsize=4)
def _shuffle(length: int, epoch: int, seed: int) -> tuple[int, ...]:
    return tuple(np.random.default_rng((seed, epoch)).permutation(length).tolist())


def _visit_seed(visit: int, seed: int) -> int:
    # three words where a shuffle has two, so that no visit shares the stream of an epoch
    return int(np.random.SeedSequence((seed, visit, 1)).generate_state(1, np.uint64)[0])


class Batches(Dataset[Batch]):
    """Iterate over the batches of the steps start_step .. start_step + steps - 1.

    shard = (number, of): only that part of each batch, cut into `of` parts of nearly one size. outline: finds the edges
    of each batch's labels.

    workers = 0 makes them in this process; more are torch DataLoader processes, which make the same batches, bit for
    bit. A dataset cache is per process.
    """

    def __init__(
        self,
        dataset: SegmentationDataset,
        transform: Transform,
        batch_size: int,
        seed: int,
        start_step: int = 0,
        steps: int = 1,
        workers: int = 0,
        shard: tuple[int, int] = (0, 1),
        outline: Outline | None = None,
    ) -> None:
        self.dataset = dataset
        self.transform = transform
        self.batch_size = batch_size
        self.seed = seed
        self.steps = range(start_step, start_step + steps)
        self.workers = workers
        self.shard = shard
        self.outline = outline

    def __len__(self) -> int:
        return len(self.steps)

    def __getitem__(self, index: int) -> Batch:
        """Make the batch of step `index`, be it among the steps of the iteration or not."""
        batch = batch_indices(index, length=len(self.dataset), batch_size=self.batch_size, seed=self.seed)
        number, of = self.shard
        plan = batch[number * len(batch) // of : (number + 1) * len(batch) // of]
        images, labels = zip(*(self.transform(self.dataset[place], seed) for place, seed in plan), strict=True)
        labels_NHW = torch.stack(labels)
        return Batch(torch.stack(images), labels_NHW, self.outline and self.outline(labels_NHW))

    def __iter__(self) -> Iterator[Batch]:
        if self.workers == 0:
            return (self[step] for step in self.steps)
        # its own generator: a DataLoader without one moves the global random state
        loader = DataLoader(
            self,
            batch_size=None,
            sampler=self.steps,
            num_workers=self.workers,
            generator=torch.Generator(),
            pin_memory=torch.cuda.is_available(),
        )
        with _deaths_found_out_when_waiting():
            return iter(loader)


@contextmanager
def _deaths_found_out_when_waiting() -> Iterator[None]:
    """Keep a DataLoader from raising, in the middle of whatever runs, the moment one of its processes dies.

    It looks after them anyway whenever a batch is late, and raises there, where somebody waits for that batch.
    """
    if threading.current_thread() is not threading.main_thread():
        yield  # nor does a DataLoader listen to signals there
        return
    handler = signal.getsignal(signal.SIGCHLD)
    yield
    signal.signal(signal.SIGCHLD, handler)
