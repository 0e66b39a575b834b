from __future__ import annotations

from pathlib import Path

import pytest
import torch
from fakes.training import Training, after, distil, fresh, same_bits

from bpkd_core import catalog
from bpkd_core.errors import Stopped


@pytest.mark.parametrize("method", catalog.METHODS)
def test_a_student_that_was_interrupted_has_the_bits_of_one_that_was_not(method: str, tmp_path: Path) -> None:
    """What a method learns, remembers and draws at random goes through the checkpoint or hangs on the step alone."""
    plan = {"steps": 4, "checkpoint_every": 100, "eval_every": 100}
    whole, broken = Training(tmp_path / "whole"), Training(tmp_path / "broken")
    whole.start(distil(method), **plan)
    with pytest.raises(Stopped):
        broken.start(distil(method), stop=after(2), **plan)
    broken.net = fresh()
    torch.manual_seed(99)  # whatever the new process has drawn before
    broken.start(distil(method), **plan)
    assert same_bits(whole.weights, broken.weights)
