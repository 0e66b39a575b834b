"""Runs side by side: names, pairing, seeds."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from fakes.bundle import result
from fakes.spoiled import DATA, MODELS, spoiled

from bpkd_core.errors import InvalidInput, UnknownName
from bpkd_core.evaluation import evaluate
from bpkd_core.metrics import difference
from bpkd_core.report import Report, compare_reports, name_reports
from bpkd_core.report.naming import group_of


@pytest.fixture(scope="module")
def runs(report_of: Callable[..., Report]) -> dict[str, Report]:
    shares = {"none-seed0": 0.2, "none-seed1": 0.22, "bpkd-seed0": 0.1, "bpkd-seed1": 0.11, "cwd": 0.15}
    return {name: report_of(student=spoiled(share, seed)) for seed, (name, share) in enumerate(shares.items())}


def test_differences_are_paired_over_images_and_from_the_first(report_of: Callable[..., Report]) -> None:
    """From files alone the same intervals as from the evaluations themselves."""
    reports = {name: report_of(model=MODELS[name]) for name in ("control", "student")}
    compared = compare_reports(reports).runs[1]
    control, student = (evaluate(MODELS[name], DATA) for name in ("control", "student"))
    for measure, found in compared.difference.items():
        assert found == difference(student, control, measure)
    ious = student.per_class_iou - control.per_class_iou
    assert [each.value for each in compared.class_difference] == pytest.approx(
        [None if np.isnan(value) else value for value in ious]
    )


def test_the_first_run_differs_from_itself_by_nothing(runs: dict[str, Report]) -> None:
    """Exactly: pairing leaves no noise."""
    first = compare_reports(runs).runs[0]
    assert {(each.value, each.low, each.high) for each in first.difference.values()} == {(0.0, 0.0, 0.0)}


def test_runs_that_differ_by_their_seed_are_one_group(runs: dict[str, Report]) -> None:
    """Mean and spread over trainings, which no interval over images can tell."""
    comparison = compare_reports(runs)
    assert comparison.has_seeds
    assert [(each.name, each.runs) for each in comparison.groups] == [
        ("none", ["none-seed0", "none-seed1"]),
        ("bpkd", ["bpkd-seed0", "bpkd-seed1"]),
        ("cwd", ["cwd"]),
    ]
    values = [runs[name].judged.scores["miou"].value for name in ("none-seed0", "none-seed1")]
    spread = comparison.groups[0].scores["miou"]
    assert (spread.mean, spread.deviation) == pytest.approx((np.mean(values), np.std(values, ddof=1)))
    assert (spread.low, spread.high) == (min(values), max(values))
    assert comparison.groups[2].scores["miou"].deviation is None


@pytest.mark.parametrize(
    ("name", "group"),
    [
        ("bpkd-seed2", "bpkd"),
        ("bpkd_s12", "bpkd"),
        ("runs/bpkd.seed=3", "runs/bpkd"),
        ("bpkd Seed 4", "bpkd Seed 4"),
        ("swiftnet_r18", "swiftnet_r18"),
        ("class2", "class2"),
        ("seed2", "seed2"),
    ],
)
def test_only_a_seed_at_the_end_of_a_name_is_taken_off(name: str, group: str) -> None:
    """Two networks that are averaged by mistake would be a wrong result that looks right."""
    assert group_of(name) == group


def test_a_run_of_several_models_is_compared_by_its_student(report: Report) -> None:
    """With its own gap closed; another model may be asked for by name."""
    full = report.model_copy(update={"result": result(0.5)})
    by_default, control = (
        compare_reports({"run": full}).runs[0],
        compare_reports({"run": full}, model="control").runs[0],
    )
    assert (by_default.model, by_default.gap_closed) == ("student", result(0.5).gap_closed)
    assert (control.judged, control.gap_closed) == (report.models["control"], None)
    with pytest.raises(UnknownName, match='model of run "contol"'):
        compare_reports({"run": full}, model="contol")


def test_runs_on_other_images_are_shown_without_differences(report_of: Callable[..., Report]) -> None:
    """A difference between unpaired images would be mostly between the images."""
    ours = report_of(student=MODELS["student"])
    judged = ours.judged.model_copy(update={"images": ours.judged.images[::-1]})
    other = ours.model_copy(update={"models": {"student": judged}})
    compared = compare_reports({"ours": ours, "other": other}).runs[1]
    reasons = {each.reason for each in (*compared.difference.values(), *compared.class_difference)}
    assert reasons == {"It was judged on other images than ours, so the two cannot be paired."}
    assert compared.difference["miou"].value is None


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"split": "val"}, "a was judged with the split test, b with val"),
        ({"reference": "teacher"}, "a was judged with the reference labels, b with teacher"),
        ({"classes": list(DATA.classes[::-1])}, "a was judged with the classes sky, building"),
    ],
)
def test_reports_of_different_things_are_refused(report: Report, change: dict[str, object], sentence: str) -> None:
    """Side by side they would look like a comparison."""
    with pytest.raises(InvalidInput, match=sentence):
        compare_reports({"a": report, "b": report.model_copy(update=change)})


def test_reports_are_named_by_folder_or_file_and_told_apart(tmp_path: Path) -> None:
    """A page of three columns called "quality" helps nobody."""
    for name in ("x/bpkd", "y/bpkd", "y/none"):
        (tmp_path / name).mkdir(parents=True)
    for name in ("kd.json", "x/report.json", "y/report.json"):
        (tmp_path / name).touch()
    assert list(name_reports([tmp_path / "x/bpkd", tmp_path / "y/none/quality.json", tmp_path / "kd.json"])) == [
        "bpkd",
        "none",
        "kd",
    ]
    assert list(name_reports([tmp_path / "x/bpkd", tmp_path / "y/bpkd"])) == ["x/bpkd", "y/bpkd"]
    assert list(name_reports([tmp_path / "x/report.json", tmp_path / "y/report.json"])) == ["x/report", "y/report"]
    with pytest.raises(InvalidInput, match="named twice"):
        name_reports([tmp_path / "x/bpkd", tmp_path / "x/bpkd/quality.json"])


def test_the_json_leaves_out_what_each_image_contributes(runs: dict[str, Report]) -> None:
    """It is for scripts that draw tables; the counts are in the reports."""
    said = compare_reports(runs).to_dict()
    assert "images" not in said["runs"][0]["judged"]
    assert said["runs"][0]["judged"]["scores"].keys() >= {"miou", "boundary_iou"}


def test_nothing_to_compare_is_refused() -> None:
    """A sentence instead of an unpacking error."""
    with pytest.raises(InvalidInput, match="no report to compare"):
        compare_reports({})
