"""One step: its passes add up to the whole batch, and what is taken back leaves no trace."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from fakes.specks import HEIGHT, WIDTH, DrawnSpecks, speck_train
from fakes.training import CLASSES, Training, Weights, after, copied, distil, fresh, plain, same_bits
from torch import Tensor, nn

from bpkd_core.data.batches import Batch
from bpkd_core.errors import InvalidSpec, OutOfMemory, Stopped
from bpkd_core.events import Event
from bpkd_core.methods import FeatureMethod, get_method
from bpkd_core.methods.base import EdgeMethod, LogitMethod, Losses, Pair
from bpkd_core.models import SegmentationNet
from bpkd_core.models.base import Outputs
from bpkd_core.spec import Train
from bpkd_core.train.objective import Distillation
from bpkd_core.train.state import State
from bpkd_core.train.stepper import Stepper, dropout_seed

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def batch() -> tuple[Tensor, Tensor]:
    """Five images, one of them void and one void by half: means over images and over pixels differ."""
    samples = DrawnSpecks(length=5).samples
    labels = np.stack([sample.labels_HW for sample in samples])
    labels[1] = 255
    labels[2, :, ::2] = 255
    images = np.stack([sample.image_HW3 for sample in samples]).transpose(0, 3, 1, 2)
    return torch.from_numpy(images.copy()), torch.from_numpy(labels)


@dataclass
class Bench:
    """A network, and steps of it on one batch."""

    stepper: Stepper
    events: list[Event]

    @property
    def weights(self) -> Weights:
        return copied(self.stepper.state.net)


def bench(
    make: Callable[[int], SegmentationNet] = plain, distillation: Distillation | None = None, **changes: Any
) -> Bench:
    schedule = {"batch_size": 5, "optimizer": "sgd", "lr": 0.1, "min_lr": 0.0, **changes}
    plan = Train.model_validate(speck_train(**schedule))
    events: list[Event] = []
    state = State.fresh(fresh(make), plan, distillation, CPU)
    return Bench(Stepper(state, plan, distillation, events.append), events)


# Passes


@pytest.mark.parametrize("passes", [2, 3, 5])
@pytest.mark.parametrize(
    "options",
    [{}, {"class_weights": [0.5, 4.0, *[1.0] * 9]}, {"clip_grad_norm": 0.01}, {"optimizer": "adamw", "lr": 1e-3}],
    ids=["plain", "weights", "clipped", "adamw"],
)
def test_passes_add_up_to_the_step_of_the_whole_batch(
    batch: tuple[Tensor, Tensor], passes: int, options: dict[str, Any]
) -> None:
    """A mean of the passes' means would weigh the pixels of a nearly void image ten times."""
    whole = bench(distillation=distil("bpkd"), **options)
    parts = bench(distillation=distil("bpkd"), accumulate=passes, **options)
    method = get_method("bpkd", num_classes=CLASSES)
    assert isinstance(method, EdgeMethod)
    ahead = method.bands(batch[1], (HEIGHT // 4, WIDTH // 4))
    for _ in range(2):
        terms, added = whole.stepper.take(Batch(*batch)), parts.stepper.take(Batch(*batch, ahead))
    assert terms.keys() == added.keys()
    for name in terms:
        torch.testing.assert_close(added[name], terms[name], rtol=1e-4, atol=1e-6)
    ours, theirs = parts.weights, whole.weights
    for name in ours:
        torch.testing.assert_close(ours[name], theirs[name], rtol=1e-4, atol=1e-6)
    assert not same_bits(ours, copied(fresh(plain)))


def test_a_batch_without_labels_is_a_step_without_a_gradient(batch: tuple[Tensor, Tensor]) -> None:
    """No pass knows a pixel: an exact 0, not 0 / 0."""
    run = bench(accumulate=2, weight_decay=0.0)
    before = run.weights
    terms = run.stepper.take(Batch(batch[0], torch.full_like(batch[1], 255)))
    assert terms["loss"] == 0
    assert same_bits(run.weights, before)


# Memory


@dataclass(frozen=True, kw_only=True)
class Greedy(LogitMethod):
    """Fits `room` images into memory."""

    room: int
    seen: list[int] = field(default_factory=list[int])

    def compare(self, student_NChw: Tensor, teacher_NChw: Tensor, labels_NHW: Tensor) -> Losses:
        self.seen.append(len(labels_NHW))
        if len(labels_NHW) > self.room:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return Losses(total=student_NChw.mean() * 0, terms={})


def greedy(room: int) -> Distillation:
    return Distillation(distil("none").teacher, Greedy(num_classes=CLASSES, room=room))


def test_f21_a_batch_that_does_not_fit_is_taken_in_halves(batch: tuple[Tensor, Tensor]) -> None:
    """5, then 3 + 2, then 2 + 1 + 1 + 1: the same step, and a sentence each time."""
    distillation = greedy(room=2)
    assert isinstance(distillation.method, Greedy)
    short, whole = bench(distillation=distillation), bench(distillation=greedy(room=5))
    short.stepper.take(Batch(*batch))
    whole.stepper.take(Batch(*batch))
    assert distillation.method.seen == [5, 3, 2, 1, 1, 1]
    assert [event.data["code"] for event in short.events] == ["memory_short"] * 2
    assert "goes on in 4 passes of at most 2 images" in short.events[-1].data["message"]
    for name, weight in short.weights.items():
        torch.testing.assert_close(weight, whole.weights[name], rtol=1e-4, atol=1e-6)


def test_f21_an_attempt_that_did_not_fit_has_not_moved_batch_norm(batch: tuple[Tensor, Tensor]) -> None:
    """Its statistics would have seen some images twice: the bits are those of a step that was begun in parts."""
    halved, planned = bench(fresh_speck, greedy(room=3)), bench(fresh_speck, greedy(room=3), accumulate=2)
    for run in (halved, planned):
        run.stepper.take(Batch(*batch))
    assert same_bits(halved.weights, planned.weights)


def fresh_speck(num_classes: int) -> SegmentationNet:
    return fresh()


def test_f21_one_image_that_does_not_fit_ends_the_training(batch: tuple[Tensor, Tensor]) -> None:
    """There is nothing left to halve; the person who submitted the job needs a field."""
    with pytest.raises(OutOfMemory, match="does not fit into memory") as caught:
        bench(distillation=greedy(room=0)).stepper.take(Batch(*batch))
    assert caught.value.param == "train.batch_size"


def test_f21_a_restart_remembers_how_much_fits(tmp_path: Path) -> None:
    """With batch norm, two passes give other bits than one: a resumed run must go on as the first one did."""
    whole, broken = Training(tmp_path / "whole"), Training(tmp_path / "broken")
    whole.start(greedy(room=1), steps=5)
    with pytest.raises(Stopped):
        broken.start(greedy(room=1), steps=5, stop=after(2))
    broken.net = fresh()
    plenty = greedy(room=2)
    assert isinstance(plenty.method, Greedy)
    broken.start(plenty, steps=5)
    assert set(plenty.method.seen) == {1}
    assert same_bits(whole.weights, broken.weights)


# Steps that are taken back


@dataclass(kw_only=True, eq=False)
class Counting(FeatureMethod):
    """Remembers how often it was asked; the loss is a number only when `numbers` say so."""

    numbers: Iterator[float]

    def __post_init__(self) -> None:
        super().__post_init__()
        self.asked: Tensor
        self.register_buffer("asked", torch.zeros(()))

    def compare(self, logits: Pair, features: Pair, labels_NHW: Tensor) -> Losses:
        self.asked += 1
        return Losses(total=logits[0].mean() * next(self.numbers), terms={})


def test_f20_a_skipped_step_leaves_batch_norm_and_memory_as_they_were(batch: tuple[Tensor, Tensor]) -> None:
    """Statistics of a batch that was not learnt from, or a memory of it, would outlive the bad step."""
    method = Counting(
        num_classes=CLASSES, student_channels=8, teacher_channels=16, numbers=iter([1.0, float("nan"), 1.0])
    )
    run = bench(fresh_speck, Distillation(distil("none").teacher, method))
    run.stepper.take(Batch(*batch))
    before = run.weights
    run.stepper.take(Batch(*batch))
    assert same_bits(run.weights, before)
    assert method.asked == 1
    assert run.stepper.state.progress.skipped == 1
    run.stepper.take(Batch(*batch))
    assert not same_bits(run.weights, before)
    assert method.asked == 2
    assert run.stepper.state.progress.skipped == 0


def test_float16_finds_its_scale_without_a_skipped_step_counted(batch: tuple[Tensor, Tensor]) -> None:
    """The scale starts high by design: its first overflows must not add up to "diverged"."""
    steep = Steep(num_classes=CLASSES)
    run = bench(fresh_speck, Distillation(distil("none").teacher, steep), precision="fp16")
    state = run.stepper.state
    first = state.scaler.get_scale()
    before = run.weights
    run.stepper.take(Batch(*batch))
    assert state.scaler.get_scale() == first / 2
    assert state.progress.skipped == 0
    assert same_bits(run.weights, before)
    for _ in range(12):
        run.stepper.take(Batch(*batch))
    assert 1 <= state.scaler.get_scale() < first
    assert not same_bits(run.weights, before)
    assert all(torch.isfinite(tensor).all() for tensor in run.weights.values())


@dataclass(frozen=True, kw_only=True)
class Steep(LogitMethod):
    """A gradient of 0.01 a logit: thousands of them add up to more than float16 holds, times 65,536."""

    def compare(self, student_NChw: Tensor, teacher_NChw: Tensor, labels_NHW: Tensor) -> Losses:
        return Losses(total=0.01 * student_NChw.sum(), terms={})


# Batch norm


class Pooled(SegmentationNet):
    """Takes torch's own batch norm over one value an image, as pyramid heads of other libraries do."""

    def __init__(self, num_classes: int) -> None:
        super().__init__(num_classes, stride=4, feature_channels=None)
        self.stem = nn.Conv2d(3, num_classes, 4, 4)
        self.norm = nn.BatchNorm2d(num_classes)

    def score(self, images_NCHW: Tensor) -> Outputs:
        maps = self.stem(images_NCHW)
        return Outputs(maps + self.norm(maps.mean((2, 3), keepdim=True)))


def test_a_pass_of_one_image_that_batch_norm_refuses_is_a_sentence(batch: tuple[Tensor, Tensor]) -> None:
    """torch says "Expected more than 1 value per channel": true, and no help."""
    with pytest.raises(InvalidSpec, match="expected two images a pass") as caught:
        bench(Pooled, accumulate=5).stepper.take(Batch(*batch))
    assert caught.value.param == "train.batch_size"


def test_each_process_drops_other_units_and_the_first_those_of_a_process_alone() -> None:
    """Four processes with one mask between them would learn from a quarter of the noise."""
    plan = Train(seed=3)
    assert len({dropout_seed(plan, 5, rank) for rank in range(4)}) == 4
    assert dropout_seed(plan, 5, 0) == int(np.random.SeedSequence((3, 5)).generate_state(1)[0])
