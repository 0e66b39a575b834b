"""One optimizer step: in as many passes as fit into memory, over all processes, and taken back if it is no number."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import repeat

import numpy as np
import torch
from torch import nn

from bpkd_core.data.batches import Batch
from bpkd_core.errors import InvalidSpec, OutOfMemory
from bpkd_core.events import Emit, Event
from bpkd_core.models.base import Outputs
from bpkd_core.spec import Train
from bpkd_core.train.distributed import ALONE, Group
from bpkd_core.train.labels import complete
from bpkd_core.train.objective import Distillation, Share, Terms, losses
from bpkd_core.train.optim import learning_rate, set_learning_rate
from bpkd_core.train.state import State
from bpkd_core.train.supervision import Supervision
from bpkd_core.train.undo import Undo

SMALLEST_SCALE = 1.0
"""Down to here an overflow in float16 says that the scale was too high; below, that the loss is at fault."""


class Stepper:
    """Steps of one training, on this process's images of each batch."""

    def __init__(
        self, state: State, plan: Train, distillation: Distillation | None, emit: Emit, group: Group = ALONE
    ) -> None:
        self.state = state
        self.plan = plan
        self.distillation = distillation
        self.emit = emit
        self.group = group
        self.supervision = Supervision.of(plan)
        self.undo = Undo([state.net, *([state.method] if state.method else [])])

    def take(self, batch: Batch) -> Terms:
        """Move the weights by one step and return the terms of the whole batch.

        A step whose loss or gradient is not finite moves nothing and counts as skipped. Where memory runs short, the
        step is begun anew in twice as many passes, and so are all that follow. Raises OutOfMemory where one image a
        pass is too much, and under several processes at once: the others may wait for this one in mid-pass.
        """
        self.undo.mark()
        while True:
            with single_values_named(self.plan), memory_shortage_named(self.plan):
                try:
                    terms = self._collect_gradients(batch)
                    return self._update(terms)
                except (torch.OutOfMemoryError, RuntimeError) as error:
                    if not is_memory_shortage(error) or not self._can_shrink(len(batch.images_N3HW)):
                        raise
            self._shrink(len(batch.images_N3HW))

    def _collect_gradients(self, batch: Batch) -> Terms:
        """Run every pass forward and backward; gradients and terms are those of the whole batch, of all processes."""
        state = self.state
        state.optimizer.zero_grad(set_to_none=True)
        torch.manual_seed(dropout_seed(self.plan, state.progress.step, self.group.rank))
        batch, taught = self._label(batch)
        whole = self.group.sum(self.supervision.mass(batch.labels_NHW)).clamp(min=torch.finfo(torch.float32).tiny)
        terms: Terms = {}
        for part, said in zip(batch.split(state.progress.parts), taught, strict=False):
            images = len(part.images_N3HW) / self.plan.batch_size
            share = Share(images, self.supervision.mass(part.labels_NHW) / whole)
            added = losses(state.net, self.plan, part, self.distillation, state.progress.step, share, said)
            state.scaler.scale(added["loss"]).backward()
            terms = {name: terms.get(name, 0) + value.detach() for name, value in added.items()}
        self.group.sum_gradients(state.parameters)
        summed = self.group.sum(torch.stack([value.float() for value in terms.values()]))
        return dict(zip(terms, summed, strict=True))

    def _label(self, batch: Batch) -> tuple[Batch, Iterable[Outputs | None]]:
        """The batch, its labels completed by the teacher if that is its task, and what it has said of each part."""
        confidence = self.distillation and self.distillation.label_confidence
        if self.distillation is None or confidence is None:
            return batch, repeat(None)
        parts = list(batch.split(self.state.progress.parts))
        taught = [self.distillation.teacher.look(part.images_N3HW) for part in parts]
        pairs = zip(parts, taught, strict=True)
        labels_NHW = torch.cat([complete(part.labels_NHW, said.logits, confidence) for part, said in pairs])
        return Batch(batch.images_N3HW, labels_NHW), taught

    def _update(self, terms: Terms) -> Terms:
        """Let the optimizer move, unless loss or gradient is not finite."""
        state, progress = self.state, self.state.progress
        set_learning_rate(state.optimizer, progress.rate * learning_rate(self.plan, progress.step))
        state.scaler.unscale_(state.optimizer)
        limit = self.plan.clip_grad_norm or math.inf
        loss = terms["loss"]
        norm = nn.utils.clip_grad_norm_(state.parameters, limit) if torch.isfinite(loss) else loss
        if torch.isfinite(norm):
            progress.skipped = 0
            state.scaler.step(state.optimizer)
            if state.ema:
                state.ema.update(state.net, progress.step + 1)
        else:
            self.undo.rewind()
            scale_too_high = state.scaler.is_enabled() and state.scaler.get_scale() > SMALLEST_SCALE
            progress.skipped += 0 if scale_too_high and torch.isfinite(loss) else 1
        state.scaler.update()
        return terms

    def _can_shrink(self, images: int) -> bool:
        return self.state.progress.parts < images and self.group.size == 1

    def _shrink(self, images: int) -> None:
        """Back to the start of the step, with half of the images in each pass."""
        progress = self.state.progress
        progress.parts = min(2 * progress.parts, images)
        self.undo.rewind()
        self.state.optimizer.zero_grad(set_to_none=True)
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        message = (
            f"Memory ran short at step {progress.step}: each step goes on in {progress.parts} passes of at most "
            f"{-(-images // progress.parts)} images."
        )
        self.emit(Event("warning", {"code": "memory_short", "message": message}))


def dropout_seed(plan: Train, step: int, rank: int = 0) -> int:
    """What the dropout of a step is drawn from: the step itself, so that a checkpoint keeps no random state."""
    return int(np.random.SeedSequence((plan.seed, step, rank)).generate_state(1)[0])


def is_memory_shortage(error: Exception) -> bool:
    """Whether torch ran out of a GPU's memory, or of the host's."""
    return isinstance(error, torch.OutOfMemoryError) or "can't allocate memory" in str(error)


@contextmanager
def memory_shortage_named(plan: Train) -> Iterator[None]:
    """Turn torch's out-of-memory errors into ours."""
    try:
        yield
    except (torch.OutOfMemoryError, RuntimeError) as error:
        if not is_memory_shortage(error):
            raise
        raise OutOfMemory(
            f"A pass over crops of {plan.crop[0]}x{plan.crop[1]} does not fit into memory, at {plan.batch_size} images "
            "a step.",
            param="train.batch_size",
            hint="Lower train.batch_size or train.crop, or raise train.accumulate.",
        ) from error


@contextmanager
def single_values_named(plan: Train) -> Iterator[None]:
    """Turn torch's refusal to normalise a single value into ours."""
    try:
        yield
    except ValueError as error:
        if "more than 1 value per channel" not in str(error):
            raise
        raise InvalidSpec(
            f"A pass of batch_size {plan.batch_size} in {plan.accumulate} parts leaves one image, and this network's "
            "batch norm cannot take statistics over a single value; expected two images a pass.",
            param="train.batch_size",
        ) from error
