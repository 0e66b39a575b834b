"""`torchrun -m bpkd_core distill`: two processes, one run."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from fakes.specks import install, speck_spec, speck_train, write_specks

from bpkd_core.bundle import Bundle
from bpkd_core.events import parse_line

pytestmark = pytest.mark.timeout(1200)  # two processes that load torch, on a machine that may be busy


def torchrun(folder: Path, spec: dict[str, Any]) -> list[str]:
    """The command of a run of two processes; what it writes lies in `folder`."""
    (folder / "spec.json").write_text(json.dumps(spec))
    path = ":".join(map(str, install(folder / "package")))
    return [
        *("env", f"PYTHONPATH={path}", "OMP_NUM_THREADS=1"),
        *(sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"),
        *("-m", "bpkd_core", "distill", "--spec", str(folder / "spec.json"), "--workdir", str(folder / "work")),
    ]


def test_a_run_of_two_processes_ends_with_one_bundle_and_one_voice(tmp_path: Path) -> None:
    """Each stage once, from the data to the bundle; the second process joins the three trainings and leaves."""
    train = speck_train(batch_size=4, accumulate=2, ema=0.9, select="best", class_weights="balanced")
    spec = speck_spec(write_specks(tmp_path / "scenes"), train=train)
    done = subprocess.run(torchrun(tmp_path, spec), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    events = [event for line in done.stdout.splitlines() if (event := parse_line(line))]
    started = Counter(
        event.data["stage"] for event in events if event.type == "stage" and event.data["state"] == "started"
    )
    assert set(started.values()) == {1}
    assert events[-1].type == "done"
    bundle = Bundle.read(tmp_path / "work")
    assert events[-1].data["result"] == bundle.result.model_dump(mode="json")


def test_sigterm_ends_both_processes_at_one_step_with_a_checkpoint(tmp_path: Path) -> None:
    """A cluster takes machines away: what was trained is kept, and no process waits for another's gradients."""
    train = speck_train(steps=100_000, batch_size=4, eval_every=100_000, checkpoint_every=100_000)
    spec = speck_spec(write_specks(tmp_path / "scenes"), train=train, control="none")
    with subprocess.Popen(
        torchrun(tmp_path, spec), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as run:
        try:
            assert run.stdout is not None
            events = (event for line in run.stdout if (event := parse_line(line)))
            trained = next(
                event for event in events if event.type == "metrics" and "lr" in event.data.get("values", {})
            )
            assert trained.data["stage"] == "training_teacher"
            run.send_signal(signal.SIGTERM)
            told = [event for event in events if event.type == "checkpoint"]
            run.wait()
        finally:
            with suppress(ProcessLookupError):
                os.killpg(run.pid, signal.SIGKILL)  # nobody, if all went well
    assert run.returncode != 0
    assert [event.data["step"] >= trained.data["step"] for event in told] == [True]
    index = json.loads((tmp_path / "work" / "checkpoints" / "teacher" / "index.json").read_text())
    assert index[-1]["step"] == told[0].data["step"]
