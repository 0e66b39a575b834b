"""`torchrun -m bpkd_core distill`: two processes, one run."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from fakes.specks import install, speck_spec, speck_train, write_specks

from bpkd_core.bundle import Bundle
from bpkd_core.events import parse_line

pytestmark = pytest.mark.timeout(1200)  # two processes that load torch, on a machine that may be busy


def test_a_run_of_two_processes_ends_with_one_bundle_and_one_voice(tmp_path: Path) -> None:
    """Each stage once, from the data to the bundle; the second process joins the three trainings and leaves."""
    train = speck_train(batch_size=4, accumulate=2, ema=0.9, select="best", class_weights="balanced")
    spec = speck_spec(write_specks(tmp_path / "scenes"), train=train)
    (tmp_path / "spec.json").write_text(json.dumps(spec))
    path = ":".join(map(str, install(tmp_path / "package")))
    command = [
        *("env", f"PYTHONPATH={path}", "OMP_NUM_THREADS=1"),
        *(sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"),
        *("-m", "bpkd_core", "distill", "--spec", tmp_path / "spec.json", "--workdir", tmp_path / "work"),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    events = [event for line in done.stdout.splitlines() if (event := parse_line(line))]
    started = Counter(
        event.data["stage"] for event in events if event.type == "stage" and event.data["state"] == "started"
    )
    assert set(started.values()) == {1}
    assert events[-1].type == "done"
    bundle = Bundle.read(tmp_path / "work")
    assert events[-1].data["result"] == bundle.result.model_dump(mode="json")
