"""The loop that teacher, control and student share: what a step is, and that steps survive interruptions."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from typing import Any, NoReturn

import pytest
import torch
from fakes.specks import DrawnSpecks, SpeckNet, speck_train
from fakes.training import CLASSES, Training, after, copied, distil, fresh, same_bits
from torch import Tensor

from bpkd_core import catalog
from bpkd_core.bundle import describe
from bpkd_core.data.batches import Batch
from bpkd_core.errors import Diverged, OutOfMemory, Stopped
from bpkd_core.methods.base import LogitMethod, Losses
from bpkd_core.models.base import Outputs
from bpkd_core.spec import Train
from bpkd_core.teachers import TorchTeacher
from bpkd_core.train import loop, stopwatch
from bpkd_core.train.feed import training_transform
from bpkd_core.train.objective import Distillation, losses


@pytest.fixture(scope="module")
def drawn() -> DrawnSpecks:
    return DrawnSpecks()


@pytest.fixture
def training(tmp_path: Path, drawn: DrawnSpecks) -> Callable[..., Training]:
    """`training("name")`: fresh weights, an empty folder."""
    return lambda name="student": Training(tmp_path / name, drawn)


# Interruptions


EVERYTHING = {
    "optimizer": "sgd",
    "precision": "fp16",
    "ema": 0.9,
    "accumulate": 2,
    "head_lr_multiplier": 10,
    "class_weights": [1.0, 2.0] + [1.0] * 9,
    "ohem": {"min_kept": 500},
    "select": "best",
}


@pytest.mark.parametrize(("method", "plan"), [*((name, {}) for name in catalog.METHODS), ("bpkd", EVERYTHING)])
def test_a_resumed_training_has_the_bits_of_an_uninterrupted_one(
    training: Callable[..., Training], method: str, plan: dict[str, Any]
) -> None:
    """Momentum, running means, dropout, the order of images, what a method learns, remembers and draws, the scaler,
    the mean of the weights: whatever is forgotten shows here."""
    plan = {"steps": 7, "warmup_steps": 2, "distill_warmup_steps": 3, "checkpoint_every": 3, **plan}
    options = {"pixel_memory": 200, "region_memory": 20} if method == "cirkd" else {}  # of 14 MB a checkpoint
    whole, broken = training("whole"), training("broken")
    whole.start(distil(method, **options), **plan)
    with pytest.raises(Stopped):
        broken.start(distil(method, **options), stop=after(5), **plan)
    broken.net = fresh()
    torch.manual_seed(99)  # whatever the new process has drawn before
    broken.start(distil(method, **options), **plan)
    assert same_bits(whole.weights, broken.weights)
    ends = [run.checkpoints.load() for run in (whole, broken)]
    assert ends[0] is not None
    assert ends[1] is not None
    for part in ("net", "ema", "method"):
        assert same_bits(ends[0][1].get(part, {}), ends[1][1].get(part, {}))
    assert ends[0][1]["scaler"] == ends[1][1]["scaler"]


def test_a_stop_leaves_a_checkpoint_of_that_very_step(training: Callable[..., Training]) -> None:
    """A rolling restart costs no step, wherever the next regular checkpoint would have been."""
    run = training()
    with pytest.raises(Stopped, match="Stopped at step 3 of 9; a checkpoint is written"):
        run.start(steps=9, checkpoint_every=100, stop=after(3))
    found = run.checkpoints.load()
    assert found is not None
    assert found[0] == 3
    assert same_bits(found[1]["net"], run.weights)


def test_a_wish_to_stop_in_the_last_step_comes_too_late(training: Callable[..., Training]) -> None:
    """What is finished is not called stopped."""
    assert training().start(steps=2, stop=after(2)).steps == 2


def test_a_finished_training_returns_at_once(training: Callable[..., Training]) -> None:
    """Killed between its last checkpoint and the end of its stage, it must not train on."""
    run = training()
    first = run.start(steps=3)
    before, run.net, run.events, run.data = run.weights, fresh(), [], Unreadable()
    again = run.start(steps=3)
    assert same_bits(run.weights, before)
    assert (again.steps, again.best_miou, run.events) == (3, first.best_miou, [])
    found = run.checkpoints.load()
    assert found is not None
    assert 0 < found[1]["progress"]["seconds"] <= again.seconds


class Unreadable(DrawnSpecks):
    """Nobody may look at it."""

    def __getitem__(self, index: int, /) -> NoReturn:
        raise AssertionError(f"sample {index} was read")


def test_a_damaged_checkpoint_costs_one_interval_and_no_bit(training: Callable[..., Training]) -> None:
    """The one before leads to the same end."""
    whole, broken = training("whole"), training("broken")
    for run in (whole, broken):
        run.start(steps=6, checkpoint_every=2)
    newest = broken.folder / broken.checkpoints.entries()[-1].file
    newest.write_bytes(newest.read_bytes()[:-100])
    broken.net, broken.events = fresh(), []
    broken.start(steps=6, checkpoint_every=2)
    assert same_bits(whole.weights, broken.weights)
    assert [event.data["step"] for event in broken.said("checkpoint")] == [6]


def test_the_past_of_the_process_does_not_matter(training: Callable[..., Training]) -> None:
    """Dropout is drawn from the step, so a control and a student drop the same units and differ in the loss alone."""
    one, other = training("one"), training("other")
    one.start(steps=3)
    torch.rand(5)
    other.start(distil("none"), steps=3)
    assert same_bits(one.weights, other.weights)


def test_the_seed_of_the_plan_does_matter(training: Callable[..., Training]) -> None:
    """Several seeds are how one tells a gain from luck."""
    one, other = training("one"), training("other")
    one.start(steps=2)
    other.start(steps=2, seed=1)
    assert not same_bits(one.weights, other.weights)


# Which weights are left


def scores(monkeypatch: pytest.MonkeyPatch, *numbers: float) -> None:
    """Validation says these, one after the other."""
    said = iter(numbers)
    monkeypatch.setattr(loop, "measure_miou", lambda *_, **__: next(said))


def test_the_best_weights_are_kept_and_exported_if_asked(
    training: Callable[..., Training], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A cancelled or overfitted run has passed its best; the file is there, whichever weights are exported."""
    best, last, short = training("best"), training("last"), training("short")
    for run, select in ((best, "best"), (last, "last")):
        scores(monkeypatch, 0.1, 0.3, 0.2)
        assert run.start(steps=6, eval_every=2, select=select).best_miou == 0.3
    scores(monkeypatch, 0.1, 0.3)
    with pytest.raises(Stopped):
        short.start(steps=6, eval_every=2, stop=after(4))
    assert same_bits(best.weights, short.weights)
    assert same_bits(best.weights, last.checkpoints.best())
    assert not same_bits(best.weights, last.weights)


def test_a_restart_knows_the_best_so_far(training: Callable[..., Training], monkeypatch: pytest.MonkeyPatch) -> None:
    """Or the first evaluation of each attempt would be the best."""
    run = training()
    scores(monkeypatch, 0.3, 0.2)
    with pytest.raises(Stopped):
        run.start(steps=6, eval_every=2, select="best", stop=after(2))
    best, run.net = run.checkpoints.best(), fresh()
    scores(monkeypatch, 0.2, 0.1)
    run.start(steps=6, eval_every=2, select="best")
    assert same_bits(run.weights, best)


# Events


def test_checkpoints_are_told_with_their_hashes(training: Callable[..., Training]) -> None:
    """The worker writes them down; a path that leads nowhere would be found out only when it is needed."""
    run = training()
    run.start(steps=5, checkpoint_every=2)
    assert [event.data["step"] for event in run.said("checkpoint")] == [2, 4, 5]
    last = run.said("checkpoint")[-1].data
    info = describe(run.folder.parent / last["path"])
    assert (last["stage"], last["sha256"], last["size"]) == ("training_student", info.sha256, info.size)


def test_each_step_tells_every_term_raw_and_weighted(
    training: Callable[..., Training], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A term that is not logged cannot be tuned; the best mIoU so far never falls."""
    monkeypatch.setattr(stopwatch, "REPORT_EVERY_S", 0.0)
    run = training()
    trained = run.start(distil("bpkd"), steps=4, eval_every=2, checkpoint_every=4)
    told = [event.data for event in run.said("metrics") if "val_miou" not in event.data["values"]]
    assert [data["step"] for data in told] == [1, 2, 3, 4]
    raw, weighted = {"ce", "ce_aux", "edge", "body"}, {"ce", "weighted_ce_aux", "weighted_edge", "weighted_body"}
    names = {"loss", "lr", "distillation", "mean_logit_gap"} | raw | weighted
    assert all(data["values"].keys() == names for data in told)
    for values in (data["values"] for data in told):
        assert values["loss"] == pytest.approx(sum(values[name] for name in weighted), rel=1e-5)
    assert told[-1]["stage_eta_seconds"] == 0
    assert all(data["images_per_s"] > 0 and data["total_steps"] == 4 for data in told)
    evaluated = [event.data for event in run.said("metrics") if "val_miou" in event.data["values"]]
    assert [data["step"] for data in evaluated] == [2, 4]
    best = [data["values"]["best_val_miou"] for data in evaluated]
    assert best == [evaluated[0]["values"]["val_miou"], max(data["values"]["val_miou"] for data in evaluated)]
    assert trained.best_miou == best[-1]


def test_reports_come_by_time_not_by_step(training: Callable[..., Training], monkeypatch: pytest.MonkeyPatch) -> None:
    """A tiny network makes hundreds of steps a second; the event list keeps every line."""
    monkeypatch.setattr(stopwatch, "REPORT_EVERY_S", 1e9)
    run = training()
    run.start(steps=5, eval_every=100)
    assert [event.data["step"] for event in run.said("metrics")] == [5, 5]  # the last step, and its evaluation


# A step


def batch(drawn: DrawnSpecks) -> tuple[Tensor, Tensor]:
    samples = [drawn[0], drawn[1]]
    images = torch.stack([torch.tensor(sample.image_HW3).permute(2, 0, 1) for sample in samples])
    return images, torch.stack([torch.tensor(sample.labels_HW) for sample in samples])


def terms_of(
    drawn: DrawnSpecks, distillation: Distillation | None = None, step: int = 0, **plan: object
) -> dict[str, Tensor]:
    torch.manual_seed(0)
    net = fresh().train()
    return losses(net, Train.model_validate(speck_train(**plan)), Batch(*batch(drawn)), distillation, step)


def test_the_loss_is_the_weighted_sum_of_what_is_told(drawn: DrawnSpecks) -> None:
    """L = CE + 0.4 CE_aux + lambda_edge L_E + lambda_body L_B; the terms themselves are raw."""
    terms = terms_of(drawn, distil("bpkd", lambda_edge=5.0, lambda_body=2.0))
    total = terms["ce"] + 0.4 * terms["ce_aux"] + 5 * terms["edge"] + 2 * terms["body"]
    torch.testing.assert_close(terms["loss"].detach(), total)
    torch.testing.assert_close(terms["distillation"], 5 * terms["edge"] + 2 * terms["body"])
    assert all(not value.requires_grad for name, value in terms.items() if name != "loss")


def test_the_methods_warm_up_weighs_its_first_steps_less(drawn: DrawnSpecks) -> None:
    """With three steps of warm-up, step 1 counts half of the method and all of the labels."""
    terms = terms_of(drawn, distil("kd"), step=1, distill_warmup_steps=3)
    total = terms["ce"] + 0.4 * terms["ce_aux"] + 0.5 * terms["distillation"]
    torch.testing.assert_close(terms["loss"].detach(), total)


def test_several_auxiliary_heads_are_told_apart(drawn: DrawnSpecks) -> None:
    """The last of three would otherwise be taken for the loss of all."""

    class Pair(SpeckNet):
        def score(self, images_NCHW: Tensor) -> Outputs:
            outputs = super().score(images_NCHW)
            return outputs._replace(aux=(*outputs.aux, 2 * outputs.aux[0]))

    torch.manual_seed(0)
    plan = Train.model_validate(speck_train(aux_weight=0.3))
    terms = losses(Pair(CLASSES, width=8).train(), plan, Batch(*batch(drawn)), None, 0)
    assert terms["ce_aux_1"] != terms["ce_aux_2"]
    total = terms["ce"] + 0.3 * (terms["ce_aux_1"] + terms["ce_aux_2"])
    torch.testing.assert_close(terms["loss"].detach(), total)
    torch.testing.assert_close(terms["weighted_ce_aux_2"], 0.3 * terms["ce_aux_2"])


def test_without_a_weight_the_auxiliary_head_is_not_trained(drawn: DrawnSpecks) -> None:
    """Its gradient would otherwise still shape the backbone."""
    terms = terms_of(drawn, aux_weight=0)
    assert "ce_aux" not in terms
    torch.testing.assert_close(terms["loss"].detach(), terms["ce"])


def test_the_teacher_stays_as_it_was(training: Callable[..., Training]) -> None:
    """Teacher drift: running means that move, or a teacher that is trained along, make every comparison void."""
    run, distillation = training(), distil("bpkd")
    assert isinstance(distillation.teacher, TorchTeacher)
    net = distillation.teacher.net
    before = copied(net)
    run.start(distillation, steps=3)
    assert same_bits(copied(net), before)
    assert not any(module.training for module in net.modules())
    assert not any(p.requires_grad or p.grad is not None for p in net.parameters())
    found = run.checkpoints.load()
    assert found is not None
    assert found[1]["net"].keys() == run.net.state_dict().keys()


def test_a_clipped_gradient_moves_the_weights_no_further(training: Callable[..., Training]) -> None:
    """Plain gradient descent with rate 1: the step is the gradient, and its norm the limit."""
    run = training()
    before = torch.cat([p.detach().flatten() for p in run.net.parameters()])
    plan = {"optimizer": "sgd", "lr": 1.0, "momentum": 0.0, "weight_decay": 0.0}
    run.start(steps=1, clip_grad_norm=0.01, **plan)
    moved = torch.cat([p.detach().flatten() for p in run.net.parameters()]) - before
    assert moved.norm().item() == pytest.approx(0.01, rel=1e-3)


def test_a_reduced_network_is_trained_at_the_size_that_it_sees() -> None:
    """Images are scaled down before the crop, so that the crop's pixels are all the network's."""
    transform = training_transform(Train(crop=(64, 96), scale=(0.5, 2.0), input_downscale=2))
    assert (transform.crop_hw, transform.scale) == ((64, 96), (0.25, 1.0))


# Losses that are no numbers


@dataclass(frozen=True, kw_only=True)
class Scripted(LogitMethod):
    """Multiplies the mean logit by the next of its numbers: loss and gradient are finite if the number is."""

    numbers: Iterator[float]

    def compare(self, student_NChw: Tensor, teacher_NChw: Tensor, labels_NHW: Tensor) -> Losses:
        return Losses(total=student_NChw.mean() * next(self.numbers), terms={})


def scripted(*numbers: float) -> Distillation:
    return Distillation(distil("none").teacher, Scripted(num_classes=CLASSES, numbers=cycle(numbers)))


@pytest.mark.parametrize("number", [float("nan"), float("inf"), -float("inf")])
def test_f20_a_step_without_a_finite_loss_changes_no_weight(training: Callable[..., Training], number: float) -> None:
    """One bad batch in two days must not end the run, and must not touch weights or momentum."""
    run = training()
    before = {name: p.detach().clone() for name, p in run.net.named_parameters()}
    run.start(scripted(number), steps=3)
    assert all(torch.equal(p, before[name]) for name, p in run.net.named_parameters())
    found = run.checkpoints.load()
    assert found is not None
    assert found[1]["optimizer"]["state"] == {}


def test_f20_a_finite_loss_with_an_infinite_gradient_is_skipped_too(training: Callable[..., Training]) -> None:
    """The square root at zero: a number, but no slope."""

    @dataclass(frozen=True, kw_only=True)
    class Steep(LogitMethod):
        def compare(self, student_NChw: Tensor, teacher_NChw: Tensor, labels_NHW: Tensor) -> Losses:
            return Losses(total=(student_NChw.mean() * 0).sqrt(), terms={})

    run = training()
    run.start(Distillation(distil("none").teacher, Steep(num_classes=CLASSES)), steps=2)
    assert all(torch.isfinite(tensor).all() for tensor in run.weights.values())


@pytest.mark.parametrize(
    "shortage", [torch.OutOfMemoryError("CUDA out of memory"), RuntimeError("can't allocate memory")]
)
def test_f21_a_batch_that_does_not_fit_names_the_fields_to_lower(
    training: Callable[..., Training], shortage: Exception
) -> None:
    """torch's own words name an allocator; the person who submitted the job needs a field."""

    @dataclass(frozen=True, kw_only=True)
    class Greedy(LogitMethod):
        def compare(self, student_NChw: Tensor, teacher_NChw: Tensor, labels_NHW: Tensor) -> Losses:
            raise shortage

    with pytest.raises(OutOfMemory, match="does not fit into memory") as caught:
        training().start(Distillation(distil("none").teacher, Greedy(num_classes=CLASSES)), steps=2)
    assert caught.value.param == "train.batch_size"


def test_f20_a_loss_that_stays_infinite_is_tried_once_more_then_given_up_with_advice(
    training: Callable[..., Training], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Days of skipped steps would look like training. The newest sound checkpoint is that of step 2, then of step 4."""
    monkeypatch.setattr(loop, "MAX_SKIPPED_STEPS", 4)
    run = training()
    with pytest.raises(Diverged, match="The loss was not finite for 5 steps in a row up to step 8") as caught:
        run.start(scripted(1.0, 1.0, *[float("nan")] * 5), steps=30, lr=0.02)
    assert caught.value.param == "train.lr"
    assert caught.value.hint is not None
    assert "now 0.02" in caught.value.hint
    (warning,) = run.said("warning")
    assert warning.data["code"] == "rolled_back"
    assert "up to step 6; the training goes on from step 2 with 0.1 times the rate" in warning.data["message"]


def test_f20_a_training_that_was_rolled_back_goes_on_at_a_lower_rate(
    training: Callable[..., Training], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What one return can save is saved: the same batches again, at a tenth of the rate, to the last step."""
    monkeypatch.setattr(loop, "MAX_SKIPPED_STEPS", 4)
    monkeypatch.setattr(stopwatch, "REPORT_EVERY_S", 0.0)
    run = training()
    run.start(scripted(*[1.0] * 4, *[float("nan")] * 5, *[1.0] * 99), steps=12, lr=0.02, min_lr=0.02, eval_every=100)
    told = [(event.data["step"], event.data["values"]["lr"]) for event in run.said("metrics")]
    before, after_it = told[:8], told[8:-1]
    assert before == [(step, pytest.approx(0.02)) for step in range(1, 9)]
    assert after_it == [(step, pytest.approx(0.002)) for step in range(5, 13)]


def test_f20_a_restart_does_not_forgive_the_return(
    training: Callable[..., Training], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or a job that is killed often would go back and forth for ever."""
    monkeypatch.setattr(loop, "MAX_SKIPPED_STEPS", 2)
    run = training()
    with pytest.raises(Stopped):
        run.start(scripted(float("nan")), steps=30, stop=after(4))
    assert len(run.said("warning")) == 1
    run.net = fresh()
    with pytest.raises(Diverged):
        run.start(scripted(float("nan")), steps=30)
    assert len(run.said("warning")) == 1


def test_f20_bad_batches_that_are_not_in_a_row_are_borne(
    training: Callable[..., Training], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A finite step proves that the weights are sound."""
    monkeypatch.setattr(loop, "MAX_SKIPPED_STEPS", 2)
    assert training().start(scripted(*[float("nan")] * 2, 1.0), steps=9).steps == 9


def test_f20_a_restart_does_not_forgive_skipped_steps(
    training: Callable[..., Training], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or a diverged job would live as long as it is restarted."""
    monkeypatch.setattr(loop, "MAX_SKIPPED_STEPS", 4)
    run = training()
    with pytest.raises(Stopped):
        run.start(scripted(float("nan")), steps=30, stop=after(3))
    run.net = fresh()
    with pytest.raises(Diverged, match="5 steps in a row up to step 4"):
        run.start(scripted(float("nan")), steps=30)
