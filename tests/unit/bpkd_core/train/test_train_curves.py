"""Twenty steps of each method, as numbers: a change of any of them shows in a diff."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from fakes.training import Training, distil, fresh, plain

from bpkd_core import catalog
from bpkd_core.train import stopwatch

GOLDEN = Path(__file__).parents[3] / "golden" / "loss_curves.json"
TOLERANCE = 1e-3
"""Of a curve's largest value. Processors and numbers of threads add in other orders: SSE, AVX2 and AVX-512 with one and
two threads differ by 6.4e-5 at most (with batch norm by 2e-2: a weight before it has no gradient but rounding, whose
sign Adam takes for a direction). A weight of the method that is off by 1 % moves the method's own curve by 1e-2."""


@pytest.mark.parametrize("method", catalog.METHODS)
def test_the_losses_fall_as_they_fell_before(
    method: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    """The same seed, the same loss: data, network, optimizer, schedule and method in two numbers a step."""
    monkeypatch.setattr(stopwatch, "REPORT_EVERY_S", 0.0)
    run = Training(tmp_path / "student", net=fresh(plain))
    run.start(distil(method), steps=20, warmup_steps=3, eval_every=100, checkpoint_every=100)
    told = [event.data["values"] for event in run.said("metrics")[:20]]
    curves = {name: [float(f"{values[name]:.6g}") for values in told] for name in ("loss", "distillation")}
    if request.config.getoption("--golden"):
        rewrite(method, curves)
    golden = json.loads(GOLDEN.read_text())[method]
    for name, curve in curves.items():
        assert curve == pytest.approx(golden[name], rel=0, abs=TOLERANCE * max(golden[name])), name
    assert curves["loss"][-1] < curves["loss"][0]


def rewrite(method: str, curves: dict[str, list[float]]) -> None:
    """Put one method's curves into the file and leave the others."""
    golden = json.loads(GOLDEN.read_text()) if GOLDEN.exists() else {}
    GOLDEN.write_text(json.dumps(golden | {method: curves}, indent=1) + "\n")
