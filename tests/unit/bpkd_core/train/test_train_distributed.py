"""Two processes that torchrun starts, against one: the same training, within the rounding of sums."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from fakes import two_processes
from fakes.training import distil, fresh, plain, same_bits

TESTS = Path(two_processes.__file__).parents[1]
TORCHRUN = ["torch.distributed.run", "--standalone", "--nproc-per-node", "2"]


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """What either process of the script has to say."""
    folder = tmp_path_factory.mktemp("pair")
    environment = ["env", f"PYTHONPATH={TESTS}", "OMP_NUM_THREADS=1"]
    command = [*environment, sys.executable, "-m", *TORCHRUN, two_processes.__file__, folder]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return [
        {**json.loads((folder / f"rank-{rank}.json").read_text()), **torch.load(folder / f"rank-{rank}.pt")}
        for rank in range(2)
    ]


def test_two_processes_train_what_one_does(pair: list[dict[str, Any]], tmp_path: Path) -> None:
    """Five images in shares of two and three, a void one among them: each weighs by what it counts in the whole."""
    alone = two_processes.begin(tmp_path / "alone")
    alone.start(distil("bpkd"), **two_processes.SCHEDULE)
    for name, weight in alone.weights.items():
        torch.testing.assert_close(pair[0]["whole"][name], weight, rtol=1e-4, atol=1e-6)
    assert not same_bits(alone.weights, fresh(plain).state_dict())


def test_both_end_with_the_same_bits(pair: list[dict[str, Any]]) -> None:
    """Weights that drift apart would be averaged gradients of two networks."""
    assert same_bits(pair[0]["whole"], pair[1]["whole"])


def test_only_the_first_speaks(pair: list[dict[str, Any]]) -> None:
    """Two voices would be read as two trainings."""
    assert pair[0]["events"] > 0
    assert pair[1]["events"] == 0


def test_a_stop_of_one_stops_both_at_one_step_and_they_go_on_exactly(pair: list[dict[str, Any]]) -> None:
    """A signal reaches them at two moments; one that waits for the other's gradients would wait for ever."""
    assert [each["stopped"] for each in pair] == [True, True]
    assert same_bits(pair[0]["whole"], pair[0]["broken"])
