"""What becomes of the processes that make batches when their trainer is killed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import psutil

ORPHANS = """
import multiprocessing
from fakes.specks import DrawnSpecks, speck_train
from bpkd_core.spec import Train
from bpkd_core.train.feed import feed
plan = Train.model_validate(speck_train(steps=1000, loader_workers=2))
batches = feed(plan, DrawnSpecks(), 0, print)
next(batches)
print(*[child.pid for child in multiprocessing.active_children()], flush=True)
input()
"""


def test_loader_processes_die_with_their_trainer() -> None:
    """A killed trainer must not leave processes behind that hold its memory; torch's own look-out sees to it."""
    tests = Path(__file__).parents[1]
    trainer = subprocess.Popen(
        ["env", f"PYTHONPATH={tests}", sys.executable, "-c", ORPHANS],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with trainer:
        assert trainer.stdout is not None
        orphans = [psutil.Process(int(pid)) for pid in trainer.stdout.readline().split()]
        trainer.kill()
    assert len(orphans) == 2
    _, alive = psutil.wait_procs(orphans, timeout=60)
    assert alive == []
