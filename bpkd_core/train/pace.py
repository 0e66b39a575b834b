"""How long a run will take: seconds a step, measured, and the steps that fit into a budget."""

from __future__ import annotations

import statistics
import time
from dataclasses import dataclass

import torch

from bpkd_core.data import SegmentationDataset
from bpkd_core.data.batches import Batches, batch_indices
from bpkd_core.models.base import SegmentationNet
from bpkd_core.spec import Train
from bpkd_core.train.feed import training_transform
from bpkd_core.train.objective import Distillation, outline_for
from bpkd_core.train.state import State
from bpkd_core.train.stepper import Stepper

WARM_UP_STEPS = 3  # the first steps build kernels and caches
TIMED_STEPS = 5

SECONDS_PER_NETWORK = 20.0  # export, parity and latency of one network, measured on two cores
SECONDS_PER_IMAGE = 0.06  # one evaluation image, one network: inference and every measure
TEACHER_SHARE = 0.5  # of the training time; the rest is for control and student, which get the same steps
MIN_STEPS = 20


@dataclass(frozen=True)
class Steps:
    """Optimizer steps of the teacher (0 if it is given), and of the student and its control."""

    teacher: int
    student: int


def measure_step(
    net: SegmentationNet,
    plan: Train,
    data: SegmentationDataset,
    distillation: Distillation | None,
    device: torch.device,
) -> float:
    """Median seconds of a training step on real batches, after a few that are not counted. Trains `net` a little.

    The images are decoded before, as they are in all epochs but the first where the dataset's cache holds them.
    """
    stepper = Stepper(State.fresh(net, plan, distillation, device), plan, distillation, emit=lambda _: None)
    batches = Batches(
        data,
        training_transform(plan),
        plan.batch_size,
        plan.seed,
        steps=WARM_UP_STEPS + TIMED_STEPS,
        outline=outline_for(net, plan, distillation),
    )
    for step in batches.steps:
        for place, _ in batch_indices(step, length=len(data), batch_size=plan.batch_size, seed=plan.seed):
            data[place]
    seconds: list[float] = []
    start = time.perf_counter()
    for batch in batches:
        terms = stepper.take(batch.on(device))
        terms["loss"].item()  # waits for the device
        seconds.append(time.perf_counter() - start)
        start = time.perf_counter()
    return statistics.median(seconds[WARM_UP_STEPS:])


def fit_budget(budget_s: float, *, teacher_step_s: float, pair_step_s: float, fixed_s: float) -> Steps:
    """Share a wall-clock budget: half of what is left after `fixed_s` for the teacher, half for the students.

    teacher_step_s: 0 for a teacher that needs no training. pair_step_s: one step of the control plus one of the
    student. At least 20 steps each, so that a tiny budget still gives a run, if a late one.
    """
    training_s = max(0.0, budget_s - fixed_s)
    teacher_s = training_s * TEACHER_SHARE if teacher_step_s else 0.0
    teacher = max(MIN_STEPS, int(teacher_s / teacher_step_s)) if teacher_step_s else 0
    return Steps(teacher, max(MIN_STEPS, int((training_s - teacher_s) / pair_step_s)))


def fixed_seconds(networks: int, images: int) -> float:
    """What export, verification and evaluation of so many networks on so many images will take."""
    return networks * (SECONDS_PER_NETWORK + images * SECONDS_PER_IMAGE)
