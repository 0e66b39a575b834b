"""The training loop, which teacher, control and student share.

One step: draw the batch that belongs to the step, run the student (and the teacher, if it is a distillation), add
cross-entropy, auxiliary cross-entropy and the method's loss, step the optimizer. The state after a step is a function
of the spec and the step alone, so a run that was killed and went on from a checkpoint ends with the same bits on a CPU,
as long as the number of threads stays the same: it decides the order of sums.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from bpkd_core.data import SegmentationDataset
from bpkd_core.data.batches import Batches
from bpkd_core.data.transforms import TrainTransform, normalise
from bpkd_core.errors import Diverged, OutOfMemory, Stopped
from bpkd_core.events import Emit, Event, Stage
from bpkd_core.methods.base import Method
from bpkd_core.models.base import SegmentationNet, downscaled
from bpkd_core.spec import Train
from bpkd_core.teachers import Teacher
from bpkd_core.train.checkpoint import Checkpoints
from bpkd_core.train.optim import distillation_weight, learning_rate, make_optimizer
from bpkd_core.train.precision import autocast
from bpkd_core.train.supervision import cross_entropy
from bpkd_core.train.validation import measure_miou

REPORT_EVERY_S = 2.0
MAX_SKIPPED_STEPS = 20
CPU = torch.device("cpu")


@dataclass(frozen=True)
class Distillation:
    """What makes a training a distillation: a frozen teacher and the loss that compares the two."""

    teacher: Teacher
    method: Method


@dataclass(frozen=True)
class Trained:
    """What a training measured of itself."""

    steps: int
    seconds: float
    best_miou: float | None


@dataclass
class Progress:
    """What a checkpoint keeps beside weights and optimizer."""

    step: int = 0
    seconds: float = 0.0
    skipped: int = 0
    best_miou: float | None = None
    values: dict[str, float] = field(default_factory=dict[str, float])


def train(
    net: SegmentationNet,
    plan: Train,
    data: SegmentationDataset,
    val: SegmentationDataset,
    *,
    stage: Stage,
    checkpoints: Checkpoints,
    emit: Emit,
    stop: Callable[[], bool] = lambda: False,
    distillation: Distillation | None = None,
    device: torch.device = CPU,
) -> Trained:
    """Train `net` in place from its newest checkpoint, or from where it stands, to `plan.steps`.

    Raises Stopped after writing a checkpoint when `stop()` turns true, Diverged when the loss stays non-finite, and
    OutOfMemory when a batch does not fit.
    """
    net.to(device).to(memory_format=torch.channels_last).train()
    optimizer = make_optimizer(net, plan)
    progress = resume(net, optimizer, checkpoints)
    transform = training_transform(plan)
    batches = Batches(
        data, transform, plan.batch_size, plan.seed, progress.step, plan.steps - progress.step, plan.loader_workers
    )
    clock = Stopwatch(progress)
    for images, labels in batches:
        torch.manual_seed(dropout_seed(plan, progress.step))
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(plan, progress.step)
        with memory_shortage_named(plan):
            terms = losses(net, plan, images.to(device), labels.to(device), distillation, progress.step)
            take_step(net, optimizer, terms["loss"], plan, progress)
        progress.step += 1
        if clock.is_due() or progress.step == plan.steps:
            progress.values = {name: float(value.detach()) for name, value in terms.items()}
            emit(clock.event(stage, plan))
        if progress.step % plan.eval_every == 0 or progress.step == plan.steps:
            miou = measure_miou(downscaled(net, plan.input_downscale), val, device=device, precision=plan.precision)
            progress.best_miou = max(miou, progress.best_miou or 0.0)
            emit(clock.event(stage, plan, val_miou=miou, best_val_miou=progress.best_miou))
        stopping = stop()
        if progress.step % plan.checkpoint_every == 0 or progress.step == plan.steps or stopping:
            progress.seconds = clock.seconds()
            entry = checkpoints.save(progress.step, state_of(net, optimizer, progress))
            path = f"{checkpoints.folder.name}/{entry.file}"
            emit(
                Event(
                    "checkpoint",
                    {"stage": stage, "step": entry.step, "path": path, "sha256": entry.sha256, "size": entry.size},
                )
            )
        if stopping and progress.step < plan.steps:
            raise Stopped(f"Stopped at step {progress.step} of {plan.steps}; a checkpoint is written.")
    return Trained(plan.steps, clock.seconds(), progress.best_miou)


@contextmanager
def memory_shortage_named(plan: Train) -> Iterator[None]:
    """Turn torch's out-of-memory errors, of a GPU or of the host, into ours."""
    try:
        yield
    except (torch.OutOfMemoryError, RuntimeError) as error:
        if not isinstance(error, torch.OutOfMemoryError) and "can't allocate memory" not in str(error):
            raise
        raise OutOfMemory(
            f"A batch of {plan.batch_size} crops of {plan.crop[0]}x{plan.crop[1]} does not fit into memory.",
            param="train.batch_size",
            hint="Lower train.batch_size or train.crop.",
        ) from error


def training_transform(plan: Train) -> TrainTransform:
    """The augmentation at the size that the network sees."""
    low, high = plan.scale
    scale = low / plan.input_downscale, high / plan.input_downscale
    return TrainTransform(plan.crop, scale=scale, photometric=plan.photometric)


def dropout_seed(plan: Train, step: int) -> int:
    """What the dropout of a step is drawn from: the step itself, so that a checkpoint keeps no random state."""
    return int(np.random.SeedSequence((plan.seed, step)).generate_state(1)[0])


def losses(
    net: SegmentationNet,
    plan: Train,
    images_N3HW: Tensor,
    labels_NHW: Tensor,
    distillation: Distillation | None,
    step: int,
) -> dict[str, Tensor]:
    """Every term of one step; `loss` is their weighted sum and the only one that carries gradients.

    `ce`, `ce_aux` and the method's own terms are raw, `distillation` is the method's weighted total.

    L = CE + aux_weight * sum CE_aux + distillation_weight * method (docs/why.md).
    """
    inputs = normalise(images_N3HW).contiguous(memory_format=torch.channels_last)
    with autocast(plan.precision, inputs.device):
        outputs = net(inputs)
    ce = cross_entropy(outputs.logits, labels_NHW)
    loss = ce
    terms = {"ce": ce.detach()}
    for aux in outputs.aux if plan.aux_weight else ():
        aux_ce = cross_entropy(aux, labels_NHW)
        loss = loss + plan.aux_weight * aux_ce
        terms["ce_aux"] = aux_ce.detach()
    if distillation:
        taught = distillation.teacher.look(images_N3HW)
        distilled = distillation.method(outputs.logits, taught.logits, labels_NHW)
        loss = loss + distillation_weight(plan, step) * distilled.total
        said = {**distilled.terms, **distilled.diagnostics}
        terms |= {name: value.detach() for name, value in said.items()}
        terms["distillation"] = distilled.total.detach()
    return {"loss": loss, **terms}


def take_step(net: nn.Module, optimizer: torch.optim.Optimizer, loss: Tensor, plan: Train, progress: Progress) -> None:
    """Backward and update; a non-finite loss or gradient is skipped, too many in a row raise Diverged."""
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    limit = plan.clip_grad_norm or math.inf
    norm = nn.utils.clip_grad_norm_(net.parameters(), limit) if torch.isfinite(loss) else loss.detach()
    if torch.isfinite(norm):
        progress.skipped = 0
        optimizer.step()
        return
    progress.skipped += 1
    if progress.skipped > MAX_SKIPPED_STEPS:
        raise Diverged(
            f"The loss was not finite for {progress.skipped} steps in a row up to step {progress.step}.",
            param="train.lr",
            hint=f"Lower train.lr (now {plan.lr:g}), set train.clip_grad_norm, or use train.precision fp32.",
        )


def state_of(net: nn.Module, optimizer: torch.optim.Optimizer, progress: Progress) -> dict[str, Any]:
    """All that the next step depends on: weights, optimizer, position."""
    return {"net": net.state_dict(), "optimizer": optimizer.state_dict(), "progress": vars(progress)}


def resume(net: nn.Module, optimizer: torch.optim.Optimizer, checkpoints: Checkpoints) -> Progress:
    """Put the newest whole checkpoint back; a fresh Progress when there is none."""
    found = checkpoints.load()
    if found is None:
        return Progress()
    _, state = found
    net.load_state_dict(state["net"])
    optimizer.load_state_dict(state["optimizer"])
    return Progress(**state["progress"])


class Stopwatch:
    """Time across restarts, and when to speak."""

    def __init__(self, progress: Progress) -> None:
        self.progress = progress
        self.before = progress.seconds
        self.first_step = progress.step
        self.start = self.last_report = time.monotonic()

    def seconds(self) -> float:
        """Training time so far, without the time between attempts."""
        return self.before + time.monotonic() - self.start

    def is_due(self) -> bool:
        """Whether the last report is long enough ago; starts the next interval if so."""
        now = time.monotonic()
        if now - self.last_report < REPORT_EVERY_S:
            return False
        self.last_report = now
        return True

    def event(self, stage: Stage, plan: Train, **more: float) -> Event:
        """A `metrics` event of this moment."""
        steps = self.progress.step - self.first_step
        steps_per_s = steps / max(1e-9, time.monotonic() - self.start)
        values = {**self.progress.values, "lr": learning_rate(plan, self.progress.step - 1), **more}
        return Event(
            "metrics",
            {
                "stage": stage,
                "step": self.progress.step,
                "total_steps": plan.steps,
                "images_per_s": round(steps_per_s * plan.batch_size, 2),
                "stage_eta_seconds": round((plan.steps - self.progress.step) / max(1e-9, steps_per_s), 1),
                "values": values,
            },
        )
