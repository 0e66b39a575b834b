"""Recipes are jobs that parse."""

from __future__ import annotations

from typing import Any

import pytest

from bpkd_core.errors import InvalidSpec, UnknownName
from bpkd_core.recipes import PRESETS, short, with_presets
from bpkd_core.spec import BoundaryPrivilegedKD, DistillSpec, TrainedTeacher, parse_spec
from bpkd_core.train.feed import training_transform


def test_the_short_recipe_is_a_complete_job_but_for_its_data() -> None:
    """`bpkd demo` submits it as it stands."""
    spec = parse_spec({"dataset": "streets", **short(budget_minutes=8, seed=3)})
    assert (spec.budget_minutes, spec.train.seed, spec.control) == (8, 3, "full")
    assert isinstance(spec.teacher, TrainedTeacher)
    assert spec.teacher.arch != spec.student.arch


def test_the_short_recipe_weighs_the_method_less_than_the_paper() -> None:
    """With the paper's weights a thousand steps are too few: the term drowns the labels."""
    spec, paper = parse_spec({"dataset": "streets", **short(budget_minutes=8)}), BoundaryPrivilegedKD()
    assert isinstance(spec.method, BoundaryPrivilegedKD)
    assert 0 < spec.method.lambda_edge < paper.lambda_edge
    assert 0 < spec.method.lambda_body < paper.lambda_body


def test_a_recipe_can_be_changed_without_changing_the_next() -> None:
    """Callers lay their own options over it."""
    before = parse_spec({"dataset": "streets", **short(budget_minutes=8)})
    changed = short(budget_minutes=8)
    changed["method"]["type"] = "kd"
    changed["train"]["lr"] = 1.0
    assert parse_spec({"dataset": "streets", **short(budget_minutes=8)}) == before


# Presets


def job(**fields: Any) -> DistillSpec:
    teacher = {"type": "train", "arch": "pspnet_r101"}
    return parse_spec({"dataset": "street", "student": {"arch": "pspnet_r18"}, "teacher": teacher, **fields})


@pytest.mark.parametrize(
    ("name", "crop", "resize", "lr", "weight_decay", "batch_size", "mode"),
    [
        ("cityscapes", (512, 1024), None, 0.01, 5e-4, 8, "whole"),
        ("ade20k", (512, 512), (2048, 512), 0.01, 5e-4, 8, "whole"),
        ("pascal_context59", (480, 480), (520, 520), 0.004, 1e-4, 16, "slide"),
    ],
)
def test_a_preset_is_the_authors_table(
    name: str, crop: object, resize: object, lr: float, weight_decay: float, batch_size: int, mode: str
) -> None:
    """Numbers that are compared with the paper's must come from the paper's settings."""
    spec = job(preset=name)
    plan = spec.train
    assert (plan.crop, plan.resize, plan.lr, plan.weight_decay, plan.batch_size) == (
        crop, resize, lr, weight_decay, batch_size,
    )  # fmt: skip
    assert (plan.optimizer, plan.momentum, plan.schedule, plan.poly_power) == ("sgd", 0.9, "poly", 0.9)
    assert plan.min_lr == 1e-4
    assert (plan.steps, plan.scale, plan.warmup_steps, spec.eval.mode) == (80_000, (0.5, 2.0), 0, mode)
    transform = training_transform(plan)
    assert (transform.cat_max_ratio, transform.flip, transform.photometric) == (0.75, 0.5, 1.0)
    assert (transform.crop_hw, transform.resize) == (crop, resize)


def test_pascal_context_is_tested_in_windows() -> None:
    """480 pixels wide, every 320."""
    found = job(preset="pascal_context59").eval
    assert (found.window, found.stride) == ((480, 480), (320, 320))


def test_what_a_job_says_itself_wins() -> None:
    """A preset is a start, not a cage; the parts that are no schedule are taken whole."""
    spec = job(preset="pascal_context59", train={"lr": 0.1}, eval={"mode": "whole"})
    assert (spec.train.lr, spec.train.batch_size) == (0.1, 16)
    assert (spec.eval.mode, spec.eval.window) == ("whole", None)


def test_a_teachers_own_schedule_begins_with_the_preset_too() -> None:
    """Else a teacher with one field of its own would train on crops of another size than its student."""
    spec = job(preset="camvid", teacher={"type": "train", "arch": "pspnet_r101", "train": {"steps": 7}})
    assert (spec.teacher_train().steps, spec.teacher_train().crop) == (7, (352, 480))
    assert job(preset="camvid").teacher_train() == job(preset="camvid").train


def test_of_several_presets_the_later_wins() -> None:
    """A data set's crops with a transformer's optimizer."""
    plan = job(preset=["ade20k", "transformer"]).train
    assert (plan.optimizer, plan.lr, plan.head_lr_multiplier, plan.warmup_steps) == ("adamw", 6e-5, 10, 1500)
    assert (plan.crop, plan.resize, plan.steps) == ((512, 512), (2048, 512), 80_000)


def test_the_resolved_specification_shows_everything_and_resolves_to_itself() -> None:
    """The manifest of a run is run again, perhaps by a version whose presets have changed."""
    spec = job(preset="cityscapes", train={"steps": 5})
    written = spec.model_dump(mode="json")
    assert written["train"]["crop"] == [512, 1024]
    assert written["preset"] == ["cityscapes"]
    assert parse_spec(written) == spec


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_is_a_job_that_parses(name: str) -> None:
    """A typing error in a preset would only show when somebody names it."""
    assert job(preset=name).preset == (name,)


def test_an_unknown_preset_is_answered_with_the_nearest() -> None:
    """As everywhere."""
    with pytest.raises(UnknownName, match='Did you mean "cityscapes"') as refusal:
        job(preset="city")
    assert refusal.value.param == "preset"


@pytest.mark.parametrize("preset", [7, {"a": 1}, [7], ["cityscapes", None]])
def test_what_is_no_name_is_refused_in_our_words(preset: object) -> None:
    """Whatever YAML may hold."""
    with pytest.raises(InvalidSpec, match="preset"):
        job(preset=preset)


def test_a_preset_leaves_what_is_wrong_to_the_check() -> None:
    """It must not hide or crash on a job that is broken elsewhere."""
    with pytest.raises(InvalidSpec, match="train"):
        job(preset="camvid", train=7)
    assert with_presets("no job") == "no job"
