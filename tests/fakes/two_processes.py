"""What `torchrun` starts in a test: one process of a training, whose weights the first one writes down."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import torch

from bpkd_core.errors import Stopped
from bpkd_core.train.distributed import Group, join
from fakes.specks import DrawnSpecks
from fakes.training import Training, after, distil, fresh, plain

SCHEDULE = {"steps": 5, "batch_size": 5, "optimizer": "sgd", "lr": 0.1, "ema": 0.9, "checkpoint_every": 2}


def data() -> DrawnSpecks:
    """One image is void, so that the processes have unequal numbers of labelled pixels."""
    drawn = DrawnSpecks(length=5)
    drawn.samples[2].labels_HW[:] = 255
    return drawn


def begin(folder: Path) -> Training:
    return Training(folder, data(), fresh(plain))


def main(folder: Path, group: Group) -> None:
    """Train; then begin another, stop it in the second process alone, and go on."""
    whole = begin(folder / "whole")
    whole.start(distil("bpkd"), group=group, **SCHEDULE)
    broken = begin(folder / "broken")
    stopped = False
    try:
        broken.start(distil("bpkd"), stop=after(3 if group.rank else 99), group=group, **SCHEDULE)
    except Stopped as error:
        stopped = "step 3 of 5" in error.message
    broken.net = fresh(plain)
    broken.start(distil("bpkd"), group=group, **SCHEDULE)
    told = {"stopped": stopped, "events": len(whole.events), "threads": torch.get_num_threads()}
    (folder / f"rank-{group.rank}.json").write_text(json.dumps(told))
    torch.save({"whole": whole.weights, "broken": broken.weights}, folder / f"rank-{group.rank}.pt")


if __name__ == "__main__":
    with join() as group:
        main(Path(sys.argv[1]), group)
