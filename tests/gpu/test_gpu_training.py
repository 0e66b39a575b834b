"""Training on a GPU: the same losses as on a CPU, in every precision, and a run that goes on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from fakes.specks import DrawnSpecks, speck, speck_teacher, speck_train
from fakes.training import CLASSES, Training, after, fresh, plain, same_bits
from torch import nn

from bpkd_core import catalog
from bpkd_core.errors import Stopped
from bpkd_core.methods import get_method
from bpkd_core.spec import Train
from bpkd_core.teachers import TorchTeacher
from bpkd_core.train.distributed import Group, synchronised
from bpkd_core.train.feed import feed
from bpkd_core.train.objective import Distillation, Terms
from bpkd_core.train.state import State
from bpkd_core.train.stepper import Stepper

CUDA, CPU = torch.device("cuda"), torch.device("cpu")
SMALL_MEMORY = {"pixel_memory": 200, "region_memory": 20}


def distil(method: str, device: torch.device, precision: str) -> Distillation:
    teacher = TorchTeacher(fresh(speck_teacher), precision=precision, device=device)
    options: dict[str, Any] = SMALL_MEMORY if method == "cirkd" else {}
    torch.manual_seed(1)
    made = get_method(method, num_classes=CLASSES, student_channels=8, teacher_channels=16, **options)
    return Distillation(teacher, made)


def first_step(method: str, device: torch.device, precision: str) -> Terms:
    plan = Train.model_validate(speck_train(batch_size=4, precision=precision))
    distillation = distil(method, device, precision)
    state = State.fresh(fresh(plain), plan, distillation, device)
    batch = next(feed(plan, DrawnSpecks(), 0, lambda _: None))
    stepper = Stepper(state, plan, distillation, lambda _: None)
    return {name: value.cpu() for name, value in stepper.take(batch.on(device)).items()}


@pytest.mark.parametrize("method", sorted(catalog.METHODS.keys() - {"mgd", "cirkd"}))
def test_a_step_has_the_losses_of_a_cpu(method: str) -> None:
    """The two methods left out draw random numbers, which differ between devices."""
    here, there = first_step(method, CUDA, "fp32"), first_step(method, CPU, "fp32")
    assert here.keys() == there.keys()
    for name, value in here.items():
        torch.testing.assert_close(value, there[name], rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
@pytest.mark.parametrize("method", ["none", "bpkd", "kd"])
def test_half_precision_stays_near(method: str, precision: str) -> None:
    """Sums are taken in float32; what is left is the rounding of products."""
    half, full = first_step(method, CUDA, precision), first_step(method, CUDA, "fp32")
    torch.testing.assert_close(half["loss"], full["loss"], rtol=3e-2, atol=1e-2)


@pytest.mark.parametrize("precision", ["fp32", "bf16", "fp16"])
@pytest.mark.parametrize("method", sorted(catalog.METHODS))
def test_every_method_trains_and_goes_on(tmp_path: Path, method: str, precision: str) -> None:
    """A checkpoint of a GPU, a new process, and the rest of the schedule: finite weights, and a lower cross-entropy."""
    run = Training(tmp_path / "student")
    schedule = {"steps": 20, "batch_size": 4, "precision": precision, "eval_every": 100, "ema": 0.9}
    with pytest.raises(Stopped):
        run.start(distil(method, CUDA, precision), device=CUDA, stop=after(8), **schedule)
    run.net = fresh(speck)
    run.start(distil(method, CUDA, precision), device=CUDA, **schedule)
    assert all(torch.isfinite(tensor).all() for tensor in run.weights.values())
    assert [event.data["step"] for event in run.said("checkpoint")][-1] == 20
    assert run.said("metrics")[-1].data["values"]["val_miou"] > 0


def test_networks_are_laid_out_channels_last(tmp_path: Path) -> None:
    """What tensor cores read without a transposition."""
    run = Training(tmp_path / "student")
    run.start(steps=1, device=CUDA)
    weights = [module.weight for module in run.net.modules() if isinstance(module, nn.Conv2d)]
    assert all(weight.is_cuda and weight.is_contiguous(memory_format=torch.channels_last) for weight in weights)


@pytest.mark.parametrize("make", [speck, speck_teacher])
def test_synchronised_batch_norm_keeps_every_name(make: Callable[[int], Any]) -> None:
    """A checkpoint of four GPUs must load into one."""
    net = fresh(make).to(CUDA)
    before = net.state_dict()
    synchronised(net, Group(rank=0, size=2), CUDA)
    assert any(isinstance(module, nn.SyncBatchNorm) for module in net.modules())
    assert same_bits(net.state_dict(), before)


def test_a_compiled_network_has_the_same_losses(tmp_path: Path) -> None:
    """Another order of sums, and no other difference."""
    told: list[float] = []
    for name, compiled in (("eager", False), ("compiled", True)):
        run = Training(tmp_path / name, net=fresh(plain))
        run.start(steps=3, device=CUDA, compile=compiled)
        told.append(run.said("metrics")[-1].data["values"]["loss"])
    assert told[1] == pytest.approx(told[0], rel=1e-2)
