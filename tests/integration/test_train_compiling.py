"""`train.compile` with a real compiler, which takes its time."""

from __future__ import annotations

from pathlib import Path

import pytest
from fakes.training import Training, fresh, plain

from bpkd_core.bench import training
from bpkd_core.train.loop import CPU

pytestmark = pytest.mark.timeout(1200)  # minutes on a machine that is busy


def test_a_compiled_training_is_the_same_training(tmp_path: Path) -> None:
    """Another order of sums and nothing else: the same names in the file, the same losses, the same validation."""
    told: list[dict[str, float]] = []
    for name, compiled in (("eager", False), ("compiled", True)):
        run = Training(tmp_path / name, net=fresh(plain))
        run.start(steps=3, eval_every=3, compile=compiled)
        assert run.weights.keys() == fresh(plain).state_dict().keys()
        told.append(run.said("metrics")[-1].data["values"])
    for name in ("loss", "ce", "ce_aux", "val_miou"):
        assert told[1][name] == pytest.approx(told[0][name], rel=1e-3)


def test_a_compiled_step_is_measured_beside_the_plain_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether compiling pays is a question to the machine at hand: both sides in one run."""
    monkeypatch.setattr(training, "SECONDS", 0.0)
    measured = training.measure("swiftnet_r18_nano", "swiftnet_r18_nano", 64, 2, "fp32", CPU, compiled=True)
    ratio = measured["compiled_images_per_s"] / measured["bpkd_images_per_s"]
    assert measured["compiled_to_bpkd"] == pytest.approx(ratio)
