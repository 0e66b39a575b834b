from __future__ import annotations

from collections import Counter
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from bpkd_core.boundary import EdgeBands, edge_bands
from bpkd_core.data.batches import Batch, Batches, batch_indices
from bpkd_core.data.folder import FolderDataset
from bpkd_core.data.transforms import TrainTransform
from bpkd_core.errors import InvalidInput

TRANSFORM = TrainTransform((16, 24))


def listed(bands: EdgeBands) -> list[tuple[float, ...]]:
    return sorted(zip(*(each.tolist() for each in bands[:4]), strict=True))


def same(first: list[Batch], second: list[Batch]) -> bool:
    pairs = zip(first, second, strict=True)
    return all(torch.equal(a[0], b[0]) and torch.equal(a[1], b[1]) for a, b in pairs)


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 40), st.integers(1, 12), st.integers(0, 2**31), st.integers(1, 4))
def test_each_epoch_visits_every_sample_once(length: int, batch_size: int, seed: int, epochs: int) -> None:
    # even where the batch size does not divide the number of samples
    steps = -(-length * epochs // batch_size)
    visits = [
        index
        for step in range(steps)
        for index, _ in batch_indices(step, length=length, batch_size=batch_size, seed=seed)
    ]
    for epoch in range(epochs):
        assert sorted(visits[epoch * length : (epoch + 1) * length]) == list(range(length))


def test_epochs_are_shuffled_differently() -> None:
    # the same order each time would be a weaker regulariser
    orders = [tuple(i for i, _ in batch_indices(e, length=50, batch_size=50, seed=0)) for e in range(3)]
    assert len(set(orders)) == 3
    assert tuple(range(50)) not in orders


def test_every_visit_has_its_own_seed() -> None:
    # a sample that comes back must be augmented anew
    seeds = [s for step in range(500) for _, s in batch_indices(step, length=7, batch_size=4, seed=1)]
    assert len(set(seeds)) == 2000


def test_the_plan_depends_on_the_seed_and_on_nothing_else() -> None:
    # no hidden state: asking in another order changes nothing
    def plan(step: int, seed: int) -> list[tuple[int, int]]:
        return batch_indices(step, length=30, batch_size=8, seed=seed)

    forward = [plan(step, 3) for step in range(20)]
    backward = [plan(step, 3) for step in reversed(range(20))]
    assert forward == backward[::-1]
    assert forward != [plan(step, 4) for step in range(20)]


@pytest.mark.parametrize("sizes", [(0, 4), (4, 0)])
def test_nothing_to_draw_from_is_refused(sizes: tuple[int, int]) -> None:
    # instead of a division by zero in a worker process
    with pytest.raises(InvalidInput, match="at least one"):
        batch_indices(0, length=sizes[0], batch_size=sizes[1], seed=0)


def test_batches_are_stacked_images_and_labels(root: Path) -> None:
    # the shapes that the training loop relies on
    images, labels, bands = next(iter(Batches(FolderDataset(root, "train"), TRANSFORM, batch_size=3, seed=0)))
    assert images.shape == (3, 3, 16, 24)
    assert labels.shape == (3, 16, 24)
    assert images.dtype == labels.dtype == torch.uint8
    assert bands is None


def test_the_edges_of_a_part_are_those_of_its_images(root: Path) -> None:
    """A method that compares a part of a batch must not see the edges of the other images."""
    outline = partial(edge_bands, num_classes=11, size_hw=(4, 6))
    batch = Batches(FolderDataset(root, "train"), TRANSFORM, batch_size=5, seed=0, outline=outline)[0]
    parts = [*batch.split(3)]
    assert [len(part.images_N3HW) for part in parts] == [2, 2, 1]
    for part in parts:
        assert part.bands is not None
        assert listed(part.bands) == listed(outline(part.labels_NHW))


def test_a_resumed_run_sees_what_an_uninterrupted_one_would(root: Path) -> None:
    # resume is bit-exact or it is not resume
    dataset = FolderDataset(root, "train")
    whole = list(Batches(dataset, TRANSFORM, 3, seed=9, steps=10))
    rest = list(Batches(FolderDataset(root, "train"), TRANSFORM, 3, seed=9, start_step=6, steps=4))
    assert len(whole) == len(Batches(dataset, TRANSFORM, 3, seed=9, steps=10)) == 10
    assert same(whole[6:], rest)


@pytest.mark.parametrize("workers", [1, 2])
def test_workers_change_speed_only(root: Path, workers: int) -> None:
    # a run may resume on a machine with other cores
    dataset = FolderDataset(root, "train")
    state = torch.get_rng_state()
    here = list(Batches(dataset, TRANSFORM, 3, seed=2, start_step=5, steps=6))
    there = list(Batches(dataset, TRANSFORM, 3, seed=2, start_step=5, steps=6, workers=workers))
    assert same(here, there)
    assert torch.equal(torch.get_rng_state(), state)


def test_every_sample_of_the_dataset_reaches_the_batches(root: Path) -> None:
    # the plan's indices and the dataset's order are one thing
    dataset = FolderDataset(root, "train")
    seen: Counter[bytes] = Counter()

    def keep(sample, _seed):
        seen[sample.labels_HW.tobytes()] += 1
        return torch.zeros(3, 1, 1, dtype=torch.uint8), torch.zeros(1, 1, dtype=torch.uint8)

    list(Batches(dataset, keep, 2, seed=0, steps=4))
    assert sorted(seen.values()) == [2, 2, 2, 2]
    assert {np.array(sample.labels_HW).tobytes() for sample in dataset} == set(seen)
