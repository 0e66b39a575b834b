"""What a forward pass moves, put back."""

from __future__ import annotations

import torch
from fakes.training import copied, fresh, same_bits

from bpkd_core.methods.memory import ClassMemory
from bpkd_core.train.undo import Undo


def test_running_statistics_and_counters_go_back_to_the_mark() -> None:
    """Floats and integers, of every batch norm, in place: who holds the tensors sees it too."""
    net = fresh().train()
    held = net.state_dict()
    undo = Undo([net])
    net(torch.randn(2, 3, 64, 96))
    marked = copied(net)
    undo.mark()
    for _ in range(2):
        net(torch.randn(2, 3, 64, 96))
    assert not same_bits(copied(net), marked)
    undo.rewind()
    assert same_bits(held, marked)


def test_a_memory_takes_its_own_steps_back() -> None:
    """Gigabytes are not copied at each step: what is overwritten after the mark is kept, and nothing else."""
    memory = ClassMemory(num_classes=2, capacity=3, channels=4)
    undo = Undo([memory])
    memory.store(torch.randn(4, 4), torch.tensor([0, 0, 1, 0]))
    marked = copied(memory)
    undo.mark()
    memory.store(torch.randn(5, 4), torch.tensor([0, 1, 1, 1, 0]))
    memory.store(torch.randn(2, 4), torch.tensor([0, 0]))
    undo.rewind()
    assert same_bits(copied(memory), marked)
    assert undo.kept == []


def test_a_network_without_buffers_has_nothing_to_put_back() -> None:
    """A transformer: no batch norm at all."""
    undo = Undo([torch.nn.Linear(2, 2)])
    undo.mark()
    undo.rewind()
