from __future__ import annotations

from collections import deque

import torch

from bpkd_core.methods.memory import ClassMemory, rank_within
from bpkd_core.train.undo import Rewinds


def test_ranks_count_within_each_group_in_order() -> None:
    """The place of a vector in its class's ring follows from it."""
    ranks, totals = rank_within(torch.tensor([2, 0, 2, 2, 0]), 4)
    assert ranks.tolist() == [0, 0, 1, 2, 1]
    assert totals.tolist() == [2, 0, 3, 0]


def test_it_holds_the_newest_of_each_class() -> None:
    """Against queues that forget at their end, over more rounds than the rings are long."""
    memory = ClassMemory(num_classes=3, capacity=4, channels=1)
    queues: list[deque[float]] = [deque(maxlen=4) for _ in range(3)]
    generator = torch.Generator().manual_seed(0)
    for step in range(12):
        count = step % 8
        classes = torch.randint(0, 3, (count,), generator=generator)
        values = 100 * step + torch.arange(count, dtype=torch.float32) + 1
        memory.store(values[:, None], classes)
        for value, label in zip(values.tolist(), classes.tolist(), strict=True):
            queues[label].append(value)
        for label, queue in enumerate(queues):
            held = memory.vectors_CKD[label, : min(4, int(memory.stored_C[label])), 0]
            assert sorted(held.tolist()) == sorted(queue)


def test_a_sample_is_even_over_the_classes_and_has_only_what_was_stored() -> None:
    """A rare class must not drown in road and sky, and a ring that is not full must not lend its zeros."""
    memory = ClassMemory(num_classes=4, capacity=10, channels=1)
    memory.store(torch.tensor([[1.0], [2.0], [3.0], [4.0]]), torch.tensor([0, 2, 2, 2]))
    torch.manual_seed(0)
    sample = memory.sample(300)[:, 0].tolist()
    assert sample.count(1.0) == 150
    assert {2.0, 3.0, 4.0} == set(sample) - {1.0}
    assert min(sample.count(value) for value in (2.0, 3.0, 4.0)) > 30


def test_nothing_stored_gives_an_empty_sample() -> None:
    """The first batch may be all void."""
    assert ClassMemory(num_classes=2, capacity=3, channels=5).sample(7).shape == (0, 5)


def test_it_takes_two_bytes_a_number() -> None:
    """A checkpoint holds all of it: with 19 classes and 512 channels nearly a gigabyte otherwise."""
    memory = ClassMemory(num_classes=1, capacity=1, channels=512)
    vector = torch.nn.functional.normalize(torch.randn(1, 512, generator=torch.Generator().manual_seed(0)))
    memory.store(vector, torch.tensor([0]))
    assert memory.state_dict()["vectors_CKD"].nbytes == 2 * 512
    assert memory.sample(1).dtype == torch.float32
    assert (memory.sample(1) - vector).norm() < 5e-4


def test_a_checkpoint_keeps_all_of_it() -> None:
    """A run that goes on must draw what it would have drawn."""
    memory, again = (ClassMemory(num_classes=2, capacity=3, channels=2) for _ in range(2))
    memory.store(torch.randn(5, 2), torch.tensor([0, 1, 1, 1, 1]))
    again.load_state_dict(memory.state_dict())
    samples = []
    for each in (memory, again):
        torch.manual_seed(1)
        samples.append(each.sample(9))
    assert torch.equal(*samples)


def test_a_step_that_is_taken_back_leaves_no_trace() -> None:
    """A batch that made the loss infinite must not be what later ones are compared with."""
    memory = ClassMemory(num_classes=2, capacity=3, channels=2)
    assert isinstance(memory, Rewinds)
    memory.store(torch.randn(4, 2), torch.tensor([0, 0, 0, 1]))
    memory.mark()
    before = {name: tensor.clone() for name, tensor in memory.state_dict().items()}
    memory.store(torch.randn(5, 2), torch.tensor([0, 0, 1, 1, 1]))
    memory.store(torch.randn(2, 2), torch.tensor([0, 1]))
    memory.rewind()
    assert all(torch.equal(before[name], tensor) for name, tensor in memory.state_dict().items())
