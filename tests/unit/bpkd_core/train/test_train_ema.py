"""The running mean of the weights, and that it is what is validated and kept."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from fakes.training import Training, fresh, same_bits
from torch import nn

from bpkd_core.train import loop
from bpkd_core.train.ema import Ema


def line(value: float) -> nn.Sequential:
    net = nn.Sequential(nn.Linear(1, 1, bias=False), nn.BatchNorm1d(1))
    with torch.no_grad():
        for tensor in net.state_dict().values():
            tensor.fill_(value)
    return net


def test_it_is_the_decayed_mean_of_weights_and_statistics() -> None:
    """Against the recursion in plain numbers; the counter of batches is no mean."""
    ema, expected = Ema(line(1.0), decay=0.9), 1.0
    for step in range(1, 200):
        ema.update(line(float(step)), step)
        decay = min(0.9, (1 + step) / (10 + step))
        expected = decay * expected + (1 - decay) * step
    found = ema.net.state_dict()
    assert found.pop("1.num_batches_tracked") == 199
    assert all(tensor.item() == pytest.approx(expected, rel=1e-5) for tensor in found.values())


def test_the_first_steps_forget_the_random_start() -> None:
    """With decay 0.9999 alone, a tenth of the noise that a network begins with is left after 23,000 steps."""
    ema = Ema(line(0.0), decay=0.9999)
    for step in range(1, 101):
        ema.update(line(1.0), step)
    assert ema.net.state_dict()["0.weight"].item() > 0.99


def test_the_mean_is_what_is_validated_and_what_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A curve of one network and a file of another could not be compared."""
    validated: list[nn.Module] = []
    measure = loop.measure_miou

    def watch(net: nn.Module, *arguments: object, **more: object) -> float:
        validated.append(net)
        return measure(net, *arguments, **more)  # pyright: ignore[reportArgumentType]

    monkeypatch.setattr(loop, "measure_miou", watch)
    run = Training(tmp_path / "student")
    run.start(steps=4, ema=0.9, eval_every=4)
    found = run.checkpoints.load()
    assert found is not None
    assert validated[0] is not run.net
    assert same_bits(run.weights, found[1]["ema"])
    assert same_bits(run.weights, {name: t.detach() for name, t in validated[0].state_dict().items()})
    assert not same_bits(run.weights, found[1]["net"])


def test_the_mean_does_not_change_what_is_learnt(tmp_path: Path) -> None:
    """It looks on: the weights that are trained are those of a run without it."""
    with_it, without = Training(tmp_path / "with"), Training(tmp_path / "without")
    with_it.start(steps=3, ema=0.9)
    without.start(steps=3)
    found = with_it.checkpoints.load()
    assert found is not None
    assert same_bits(found[1]["net"], without.weights)


def test_a_finished_training_gives_the_mean_again(tmp_path: Path) -> None:
    """Killed between its last checkpoint and the end of its stage, it must not leave the other weights."""
    run = Training(tmp_path / "student")
    run.start(steps=3, ema=0.9)
    before, run.net = run.weights, fresh()
    run.start(steps=3, ema=0.9)
    assert same_bits(run.weights, before)
