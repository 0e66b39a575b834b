"""Images a second of a step with BPKD, beside the same step with plain distillation, and beside a plain loop.

The images are drawn and decoded before, so only the steps are timed. The networks' weights are random: what a step
costs does not depend on them.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.profiler import ProfilerActivity, profile

from bpkd_core.bench.loss import differentiate
from bpkd_core.bench.race import Work, race
from bpkd_core.data.batches import Batch
from bpkd_core.data.scenes import CLASSES, draw_scene
from bpkd_core.data.transforms import normalise
from bpkd_core.methods import Method, get_method
from bpkd_core.models import build
from bpkd_core.models.base import SegmentationNet
from bpkd_core.spec import Train, parse
from bpkd_core.teachers import TorchTeacher
from bpkd_core.train.compiling import compile_forward
from bpkd_core.train.objective import Distillation
from bpkd_core.train.precision import autocast
from bpkd_core.train.state import State
from bpkd_core.train.stepper import Stepper

NUM_CLASSES = len(CLASSES)
ROUNDS, SECONDS = 15, 60.0
PROFILED = 15  # operators


def measure(
    teacher: str,
    student: str,
    crop: int,
    batch_size: int,
    precision: str,
    device: torch.device,
    *,
    profiled: bool = False,
    compiled: bool = False,
) -> dict[str, Any]:
    """Images a second of each side, the ratios, and what part of a step the loss itself takes. Two minutes on a CPU.

    teacher, student: names of the catalog. crop: side of the square images. precision: of our loop; the plain one
    computes in float32. profiled: add the operators that a BPKD step spends its time in. compiled: add a side whose
    student is compiled, as `train.compile` has it. Raises UnknownName, InvalidSpec, and MissingExtra where nothing
    compiles.
    """
    plan = parse(Train, {"batch_size": batch_size, "crop": (crop, crop), "precision": precision})
    batch = draw_batch(batch_size, crop, device)
    guide = TorchTeacher(build(teacher, num_classes=NUM_CLASSES), precision=precision, device=device)
    methods = {name: get_method(name, num_classes=NUM_CLASSES) for name in ("bpkd", "kd")}
    nets = {name: build(student, num_classes=NUM_CLASSES) for name in (*methods, "plain")}
    sides: dict[str, Work] = {
        name: our_step(nets[name], plan, Distillation(guide, method), batch, device) for name, method in methods.items()
    }
    if compiled:
        student_net = build(student, num_classes=NUM_CLASSES)
        compile_forward(student_net, device)
        sides["compiled"] = our_step(student_net, plan, Distillation(guide, methods["bpkd"]), batch, device)
    plain_teacher = build(teacher, num_classes=NUM_CLASSES).to(device).eval()
    sides["plain"] = plain_step(nets["plain"].to(device).train(), plain_teacher, methods["bpkd"], plan, batch)
    taken = race(sides, device, rounds=ROUNDS, seconds=SECONDS)
    loss_s = measure_loss(nets["bpkd"], guide, methods["bpkd"], plan, batch, device)
    return {
        "teacher": teacher,
        "student": student,
        "crop": crop,
        "batch": batch_size,
        "precision": precision,
        **{f"{name}_images_per_s": batch_size / seconds for name, seconds in taken.items()},
        "bpkd_to_kd": taken["kd"] / taken["bpkd"],
        "bpkd_to_plain": taken["plain"] / taken["bpkd"],
        **({"compiled_to_bpkd": taken["bpkd"] / taken["compiled"]} if compiled else {}),
        "step_ms": 1e3 * taken["bpkd"],
        "loss_ms": 1e3 * loss_s,
        "loss_share": loss_s / taken["bpkd"],
        **({"profile": profile_of(sides["bpkd"], device)} if profiled else {}),
    }


def draw_batch(batch_size: int, crop: int, device: torch.device) -> Batch:
    """(N, 3, crop, crop) uint8 images of street scenes, and their labels."""
    drawn = [draw_scene(seed, crop, crop) for seed in range(batch_size)]
    images = torch.stack([torch.from_numpy(sample.image_HW3).permute(2, 0, 1) for sample in drawn])
    return Batch(images.contiguous(), torch.stack([torch.from_numpy(sample.labels_HW) for sample in drawn])).on(device)


def our_step(net: SegmentationNet, plan: Train, distillation: Distillation, batch: Batch, device: torch.device) -> Work:
    """A step of the training loop, which makes the edge bands here and not in a loader's process."""
    state = State.fresh(net, plan, distillation, device)
    return partial(Stepper(state, plan, distillation, emit=lambda _: None).take, batch)


def plain_step(student: SegmentationNet, teacher: SegmentationNet, method: Method, plan: Train, batch: Batch) -> Work:
    """The step as one writes it down at first: float32, interpolated logits, the same loss and optimizer."""
    optimizer = torch.optim.SGD(
        student.parameters(), lr=plan.lr, momentum=plan.momentum, weight_decay=plan.weight_decay
    )
    images, labels, _ = batch

    def cross_entropy(logits: Tensor) -> Tensor:
        logits = F.interpolate(logits, labels.shape[1:], mode="bilinear", align_corners=False)
        return F.cross_entropy(logits, labels.long(), ignore_index=255)

    def step() -> None:
        inputs = normalise(images)
        with torch.no_grad():
            taught = teacher.score(inputs)
        outputs = student.score(inputs)
        loss = cross_entropy(outputs.logits) + method(outputs.logits, taught.logits, labels).total
        for aux in outputs.aux:
            loss = loss + plan.aux_weight * cross_entropy(aux)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    return step


def measure_loss(
    net: SegmentationNet, teacher: TorchTeacher, method: Method, plan: Train, batch: Batch, device: torch.device
) -> float:
    """Seconds of the method's loss alone, forward and backward, on logits as a step makes them."""
    images, labels, _ = batch
    inputs = normalise(images).contiguous(memory_format=torch.channels_last)
    with torch.no_grad(), autocast(plan.precision, device):
        student = net.score(inputs).logits.requires_grad_()
    taught = teacher.look(images).logits
    work = partial(differentiate, student, lambda: method(student, taught, labels).total)
    return race({"loss": work}, device, rounds=ROUNDS, seconds=SECONDS)["loss"]


def profile_of(step: Work, device: torch.device) -> list[dict[str, Any]]:
    """The operators that a step spends most of its time in: milliseconds in themselves, and calls."""
    activities = [ProfilerActivity.CPU, *([ProfilerActivity.CUDA] if device.type == "cuda" else [])]
    with profile(activities=activities) as seen:
        step()
    averages = seen.key_averages()
    own = "self_device_time_total" if device.type == "cuda" else "self_cpu_time_total"
    longest = sorted(averages, key=lambda row: getattr(row, own), reverse=True)[:PROFILED]
    return [{"operator": row.key, "ms": getattr(row, own) / 1e3, "calls": row.count} for row in longest]
