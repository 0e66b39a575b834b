"""What is said of a run: numbers put together, and one honest sentence."""

from __future__ import annotations

import numpy as np
import pytest
from fakes.bundle import result

from bpkd_core.bundle import Interval, NetworkResult, Role
from bpkd_core.metrics import Quality, evaluate_masks
from bpkd_core.verdict import compare, describe_network, judge

ONE = result(0.5).student


def quality(wrong_rows: int, images: int = 6) -> Quality:
    """Two classes on 12 rows; in image i, the first `wrong_rows + i % 2` rows of either are wrong."""
    truth = np.repeat([0, 1], 12)[:, None].repeat(10, axis=1)
    pairs = []
    for image in range(images):
        mask = truth.copy()
        rows = wrong_rows + image % 2
        mask[:rows], mask[12 : 12 + rows] = 1, 0
        pairs.append((mask, truth))
    return evaluate_masks(pairs, 2, class_names=("road", "car"))


def networks(*roles: Role) -> dict[Role, NetworkResult]:
    return dict.fromkeys(roles, ONE)


def test_the_three_are_compared_on_the_same_images() -> None:
    """Gap closed and both gains are the differences that a reader can check against the table."""
    qualities: dict[Role, Quality] = {"teacher": quality(0), "control": quality(4), "student": quality(2)}
    found = compare(networks(*qualities), qualities, split="test", method="bpkd")
    miou = {role: each.miou for role, each in qualities.items()}
    assert found.miou_gain.value == pytest.approx(miou["student"] - miou["control"])
    assert found.gap_closed.value == pytest.approx(
        (miou["student"] - miou["control"]) / (miou["teacher"] - miou["control"])
    )
    gained = qualities["student"].boundary_iou - qualities["control"].boundary_iou
    assert found.boundary_iou_gain.value == pytest.approx(gained)
    assert (found.images, found.split, found.method) == (6, "test", "bpkd")
    assert found.verdict.count("better") == 2


def test_without_a_control_nothing_is_claimed() -> None:
    """A student may be good without distillation being the reason."""
    found = compare(
        networks("teacher", "student"), {"teacher": quality(0), "student": quality(1)}, split="val", method="bpkd"
    )
    assert found.control is None
    assert found.gap_closed == found.miou_gain == found.boundary_iou_gain == Interval(reason="No control was trained.")
    assert found.verdict == "No control was trained. Whether distillation helped is not known."


@pytest.mark.parametrize(
    ("low", "high", "word"), [(0.001, 0.02, "better"), (-0.02, -0.001, "worse"), (-0.01, 0.01, "not distinguishable")]
)
def test_a_gain_counts_only_if_its_interval_leaves_zero(low: float, high: float, word: str) -> None:
    """A point estimate on a few images is no proof."""
    gain, none = Interval(value=(low + high) / 2, low=low, high=high), Interval(value=0.0, low=-0.1, high=0.1)
    sentence = judge("bpkd", gain, none)
    assert f"{100 * low:+.1f} to {100 * high:+.1f}: {word}" in sentence
    assert sentence.endswith("+0.0 points of boundary IoU (95 % interval -10.0 to +10.0: not distinguishable).")


def test_a_gain_that_is_undefined_says_why() -> None:
    """A split without labels must not read as a missing control."""
    sentence = judge("bpkd", Interval(reason="There is no valid pixel to compare on."), Interval())
    assert sentence == "There is no valid pixel to compare on. Whether distillation helped is not known."


def test_a_network_is_described_by_the_quality_of_its_file() -> None:
    """Names, units and keys as the API shows them; a class that is nowhere has no IoU."""
    judged = evaluate_masks([(np.zeros((9, 9), int), np.zeros((9, 9), int))] * 3, 2, class_names=("road", "car"))
    found = describe_network(
        judged,
        arch="speck",
        parameters=7,
        gflops=0.5,
        onnx_bytes=9,
        latency=ONE.latency,
        parity=ONE.parity,
        steps=4,
        train_seconds=1.5,
    )
    assert (found.miou, found.per_class_iou) == (1.0, {"road": 1.0, "car": None})
    assert (found.miou_interval.low, found.miou_interval.value, found.miou_interval.high) == (1.0, 1.0, 1.0)
    assert found.boundary_iou == judged.boundary_iou
    assert set(found.trimap_miou) == {str(width) for width in judged.trimap_miou}
    assert (found.steps, found.train_seconds, found.parameters) == (4, 1.5, 7)


@pytest.mark.parametrize(("control_miou", "alarm"), [(0.4, False), (0.6, True)])
def test_a_short_control_only_raises_an_alarm(control_miou: float, *, alarm: bool) -> None:
    """Trained for a tenth of the steps it must be behind; where it is not, distillation does harm."""
    nets: dict[Role, NetworkResult] = {
        "teacher": ONE,
        "control": ONE.model_copy(update={"steps": 8, "miou": control_miou}),
        "student": ONE.model_copy(update={"steps": 80}),
    }
    qualities: dict[Role, Quality] = {"teacher": quality(0), "control": quality(4), "student": quality(2)}
    found = compare(nets, qualities, split="test", method="bpkd")
    assert found.gap_closed.value is found.miou_gain.value is found.boundary_iou_gain.value is None
    assert "8 steps" in found.verdict
    assert ("does harm" in found.verdict) == alarm
