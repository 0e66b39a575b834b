from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from service.domain.estimates import estimate, measurements
from service.domain.jobs import Job, StageState
from service.domain.trainings import control_steps, trainings

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
TRAIN = {"steps": 1000, "batch_size": 8, "crop": [360, 480], "optimizer": "sgd", "accumulate": 1, "precision": "fp32"}
REQUEST: dict[str, Any] = {
    "student": {"type": "arch", "arch": "swiftnet_r18"},
    "teacher": {"type": "onnx", "path": "/data/t.onnx"},
    "method": {"type": "bpkd"},
    "labels": "dataset",
    "control": "none",
    "train": TRAIN,
}


def trained(images_per_s: float, *, ago_s: float = 0.0, **request: Any) -> Job:
    """A job that reached this pace and ended so long ago."""
    stage = StageState("training_student", "finished", images_per_s=images_per_s, memory_bytes=3e9)
    body, end = {**REQUEST, **request}, NOW - timedelta(seconds=ago_s)
    return Job("job_1", "x", body, "ds_1", NOW, stages=(stage,), finished_at=end)


def test_only_what_is_trained_counts() -> None:
    """A teacher that is given costs its answers, not its training."""
    assert [each.role for each in trainings(REQUEST)] == ["student"]
    whole = {**REQUEST, "teacher": {"type": "train", "arch": "pspnet_r18"}, "control": "short"}
    assert [(each.role, each.images) for each in trainings(whole)] == [
        ("teacher", 8000),
        ("control", 800),
        ("student", 8000),
    ]


@pytest.mark.parametrize(
    ("steps", "control", "expected"), [(1000, "full", 1000), (1000, "short", 100), (3, "short", 1)]
)
def test_a_short_control_takes_a_tenth_and_never_nothing(steps: int, control: str, expected: int) -> None:
    """Half a step trains nothing."""
    assert control_steps(steps, control) == expected


@pytest.mark.parametrize(
    ("change", "basis"),
    [
        ({}, "measured"),
        ({"labels": "mixed"}, "measured"),
        ({"train": {**TRAIN, "steps": 5}}, "measured"),
        ({"train": {**TRAIN, "batch_size": 4}}, "catalogue"),
        ({"method": {"type": "cwd"}}, "catalogue"),
        ({"teacher": {"type": "onnx", "path": "/data/other.onnx"}}, "catalogue"),
    ],
)
def test_a_pace_is_another_jobs_only_where_all_that_matters_is_the_same(change: dict[str, Any], basis: str) -> None:
    """Half the batch is not half the time, and another teacher may be ten times as heavy."""
    known = measurements([trained(4.0)], NOW)
    assert estimate({**REQUEST, **change}, known, NOW).basis == basis


def test_a_measured_estimate_is_narrow_names_its_job_and_says_how_old_it_is() -> None:
    """The reader decides whether two days ago is too long ago."""
    found = estimate(REQUEST, measurements([trained(4.0, ago_s=3 * 3600)], NOW), NOW)
    assert found.seconds.low == pytest.approx(0.85 * 2000 + 10)
    assert found.seconds.high == pytest.approx(1.15 * 2000 + 100)
    assert found.memory_bytes is not None
    assert found.memory_bytes.low < 3e9 < found.memory_bytes.high
    assert "job_1, 3 h ago" in found.explanation


def test_several_measurements_widen_the_range_to_what_was_seen() -> None:
    """A machine that is shared is slow at times."""
    found = estimate(REQUEST, measurements([trained(4.0), trained(2.0)], NOW), NOW)
    assert found.seconds.low < 2000
    assert found.seconds.high > 4000


def test_another_networks_pace_is_scaled_by_its_arithmetic() -> None:
    """Twice the multiply-adds, twice the time, give or take three."""
    given = {"method": {"type": "none"}}
    known = measurements([trained(4.0, **given)], NOW)
    small = estimate({**REQUEST, **given, "student": {"arch": "swiftnet_r18_nano"}}, known, NOW)
    large = estimate({**REQUEST, **given, "student": {"arch": "pspnet_r18"}}, known, NOW)
    assert small.basis == large.basis == "scaled"
    assert large.seconds.low > small.seconds.low * 20


def test_a_network_that_no_catalogue_knows_has_no_estimate_of_its_memory() -> None:
    """A guess would look like the others, which are not guesses."""
    found = estimate({**REQUEST, "student": {"arch": "smp:fpn/resnet18"}}, [], NOW)
    assert (found.basis, found.memory_bytes) == ("catalogue", None)
    assert found.seconds.low < found.seconds.high


def test_jobs_that_tell_nothing_are_passed_over() -> None:
    """Those that never trained, and those of an older release."""
    silent = replace(trained(4.0), stages=(StageState("exporting", "finished"),))
    assert measurements([silent, replace(silent, request={"name": "x"})], NOW) == []
