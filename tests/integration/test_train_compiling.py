"""`train.compile` with a real compiler, which takes its time."""

from __future__ import annotations

from pathlib import Path

import pytest
from fakes.training import Training, fresh, plain

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
