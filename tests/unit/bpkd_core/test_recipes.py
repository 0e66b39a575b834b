"""Recipes are jobs that parse."""

from __future__ import annotations

from bpkd_core.recipes import short
from bpkd_core.spec import BoundaryPrivilegedKD, TrainedTeacher, parse_spec


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
