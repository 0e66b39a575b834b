"""The training loop, which teacher, control and student share.

One step: draw the batch that belongs to the step, run the student (and the teacher, if it is a distillation), add
cross-entropy, auxiliary cross-entropy and the method's loss, step the optimizer. The state after a step is a function
of the spec and the step alone, so a run that was killed and went on from a checkpoint ends with the same bits on a CPU,
as long as the number of threads stays the same: it decides the order of sums.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass

import torch

from bpkd_core.data import SegmentationDataset
from bpkd_core.errors import Diverged, Stopped
from bpkd_core.events import Emit, Event, Stage
from bpkd_core.models.base import SegmentationNet, downscaled
from bpkd_core.spec import Evaluation, Train
from bpkd_core.train.checkpoint import Checkpoints
from bpkd_core.train.compiling import compile_forward, uncompiled
from bpkd_core.train.distributed import ALONE, Group, synchronised
from bpkd_core.train.feed import feed
from bpkd_core.train.memory import peak_bytes
from bpkd_core.train.objective import Distillation, outline_for
from bpkd_core.train.optim import learning_rate
from bpkd_core.train.state import Progress, State
from bpkd_core.train.stepper import Stepper
from bpkd_core.train.stopwatch import Stopwatch
from bpkd_core.train.validation import WHOLE, Watcher, measure_miou

MAX_SKIPPED_STEPS = 20
LOWER_RATE = 0.1
CPU = torch.device("cpu")


@dataclass(frozen=True)
class Trained:
    """What a training measured of itself."""

    steps: int
    seconds: float
    best_miou: float | None


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
    group: Group = ALONE,
    evaluation: Evaluation = WHOLE,
    watcher: Watcher | None = None,
) -> Trained:
    """Train `net` in place from its newest checkpoint, or from where it stands, to `plan.steps`.

    At the end `net` has the weights to serve: of the last step or the best, or their running mean. Under several
    processes each calls this with its `group`; only the first validates, writes and should be given an `emit`.

    Raises Stopped after writing a checkpoint when `stop()` turns true in any process, Diverged when the loss stays
    non-finite, also after one return to a sound checkpoint with a lower rate, and OutOfMemory when a batch does not
    fit, one image at a time either.
    """
    state = State.fresh(net, plan, distillation, device)
    outline = outline_for(net, plan, distillation)
    synchronised(net, group, device)
    resumed = state.resume(checkpoints)
    group.wait()
    if group.leads and not resumed:
        state.save(checkpoints)  # the start, so that there always is one to go back to
    if plan.compile:
        compile_forward(net, device)
    progress, clock = state.progress, Stopwatch(state.progress.seconds)
    stepper = Stepper(state, plan, distillation, emit, group)
    batches = feed(plan, data, progress.step, emit, group, outline)
    while progress.step < plan.steps:
        terms = stepper.take(next(batches).on(device))
        if progress.skipped > MAX_SKIPPED_STEPS:
            roll_back(state, plan, checkpoints, emit, group)
            batches = feed(plan, data, progress.step, emit, group, outline)
            continue
        progress.step += 1
        clock.count()
        last = progress.step == plan.steps
        if group.leads and (clock.is_due() or last):
            progress.values = {name: float(value) for name, value in terms.items()}
            emit(metrics(stage, plan, progress, clock))
        if group.leads and (progress.step % plan.eval_every == 0 or last):
            miou = validate(state, plan, val, checkpoints, device, evaluation, watcher)
            emit(metrics(stage, plan, progress, clock, val_miou=miou, best_val_miou=progress.best_miou))
        stopping = group.any(stop())
        regular = progress.step % plan.checkpoint_every == 0 and not progress.skipped
        if group.leads and (regular or last or stopping):
            progress.seconds = clock.seconds()
            entry = state.save(checkpoints)
            path = f"{checkpoints.folder.name}/{entry.file}"
            told = {"stage": stage, "step": entry.step, "path": path, "sha256": entry.sha256, "size": entry.size}
            emit(Event("checkpoint", told))
        if stopping and not last:
            group.wait()  # who goes on at once must find the checkpoint that was just written
            raise Stopped(f"Stopped at step {progress.step} of {plan.steps}; a checkpoint is written.")
    net.load_state_dict(checkpoints.best() if plan.select == "best" else state.served.state_dict())
    return Trained(plan.steps, clock.seconds(), progress.best_miou)


def validate(
    state: State,
    plan: Train,
    val: SegmentationDataset,
    checkpoints: Checkpoints,
    device: torch.device,
    evaluation: Evaluation,
    watcher: Watcher | None,
) -> float:
    """The mIoU of what would be served now; the weights are kept if they are the best so far."""
    progress = state.progress
    with uncompiled() if plan.compile else nullcontext():
        net = downscaled(state.served, plan.input_downscale)
        miou = measure_miou(net, val, device=device, precision=plan.precision, evaluation=evaluation, watcher=watcher)
    if watcher:
        watcher.tell(progress.step)
    if progress.best_miou is None or miou > progress.best_miou:
        progress.best_miou = miou
        checkpoints.save_best(state.served.state_dict())
    return miou


def roll_back(state: State, plan: Train, checkpoints: Checkpoints, emit: Emit, group: Group) -> None:
    """Return once to the newest checkpoint before the trouble, with a lower rate; the second time raise Diverged."""
    progress = state.progress
    step, skipped = progress.step, progress.skipped
    if progress.rate < 1 or not state.resume(checkpoints, sound=True):
        raise Diverged(
            f"The loss was not finite for {skipped} steps in a row up to step {step}.",
            param="train.lr",
            hint=f"Lower train.lr (now {plan.lr:g}), set train.clip_grad_norm, or use train.precision fp32.",
        )
    progress.rate = LOWER_RATE
    group.wait()
    if group.leads:
        state.save(checkpoints)  # or a restart would go back a second time
    message = (
        f"The loss was not finite for {skipped} steps in a row up to step {step}; the training goes on from step "
        f"{progress.step} with {LOWER_RATE:g} times the rate."
    )
    emit(Event("warning", {"code": "rolled_back", "message": message}))


def metrics(stage: Stage, plan: Train, progress: Progress, clock: Stopwatch, **more: float | None) -> Event:
    """A `metrics` event of this moment."""
    steps_per_s = clock.steps_per_s()
    rate = progress.rate * learning_rate(plan, progress.step - 1)
    return Event(
        "metrics",
        {
            "stage": stage,
            "step": progress.step,
            "total_steps": plan.steps,
            "images_per_s": round(steps_per_s * plan.batch_size, 2),
            "stage_eta_seconds": round((plan.steps - progress.step) / steps_per_s, 1),
            "memory_bytes": peak_bytes(),
            "values": {**progress.values, "lr": rate, **more},
        },
    )
