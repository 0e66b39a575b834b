"""Gates before a version: what was asked for beside what was measured."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from fakes.bundle import leave_bundle

from bpkd_core.bundle import Bundle, Result
from bpkd_core.errors import GateFailed
from service.domain.gates import judge, require

SPEC: dict[str, Any] = {"name": "streets", "provenance": {}}


@pytest.fixture
def half(tmp_path: Path) -> Result:
    return result(tmp_path, 0.5)


def result(folder: Path, miou: float | None) -> Result:
    leave_bundle(folder, SPEC, miou=miou)
    return Bundle.read(folder).result


@pytest.mark.parametrize("limits", [{}, {"miou_min": None}])
def test_without_gates_everything_passes(half: Result, limits: dict[str, Any]) -> None:
    """A gate is something that somebody asked for."""
    assert judge(half, limits) == ()
    require(judge(half, limits))


def test_a_value_at_its_gate_passes(half: Result) -> None:
    """The gate is called `min`, and means it."""
    require(judge(half, {"miou_min": 0.5, "argmax_agreement_min": 1.0}))


def test_a_value_that_could_not_be_measured_passes_no_gate(tmp_path: Path) -> None:
    """Not a number is not good enough."""
    with pytest.raises(GateFailed, match="undefined"):
        require(judge(result(tmp_path, None), {"boundary_iou_min": 0.0}))


def test_every_gate_that_is_missed_is_named_with_both_numbers(half: Result) -> None:
    """Who trains again wants to know how far it was, and that the second gate was missed as well."""
    gates = judge(half, {"miou_min": 0.7, "boundary_iou_min": 0.9, "argmax_agreement_min": 0.999})
    assert [gate.passed for gate in gates] == [False, False, True]
    with pytest.raises(
        GateFailed, match=r"mIoU is 0\.5000, its gate asks for 0\.7; its boundary IoU .* 0\.9"
    ) as caught:
        require(gates)
    assert caught.value.param == "register.gates.miou_min"
