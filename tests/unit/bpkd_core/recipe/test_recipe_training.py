"""What the processes beside the first do: join trainings, and end in silence."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from bpkd_core.errors import BpkdError, Diverged, InvalidSpec, Stopped
from bpkd_core.recipe import training
from bpkd_core.recipe.records import Prepared
from bpkd_core.recipe.training import Assignment, assist
from bpkd_core.spec import parse_spec
from bpkd_core.train.distributed import Group

SPEC = parse_spec(
    {"dataset": "data", "student": {"arch": "pspnet_r18"}, "teacher": {"type": "train", "arch": "pspnet_r18"}}
)
PREPARED = Prepared(
    spec=SPEC,
    dataset_sha256="d" * 64,
    classes=[],
    class_shares=[],
    split="val",
    image_hw=(32, 32),
    images=1,
    step_seconds={},
    steps={},
    threads=torch.get_num_threads(),
)
MESSAGE = Assignment(role="student", prepared=PREPARED).model_dump_json()


class Told(Group):
    """A process that hears of one training after the other, without end."""

    def hear(self) -> str:
        return MESSAGE


def join_until(error: BpkdError, monkeypatch: pytest.MonkeyPatch) -> int:
    """Assist while trainings go well; the third ends with the error. Returns how many were joined."""
    joined = 0

    def train_network(*_: object) -> None:
        nonlocal joined
        joined += 1
        if joined == 3:
            raise error

    monkeypatch.setattr(training, "train_network", train_network)
    assist(SPEC, Path("run"), lambda: False, Told(rank=1, size=2))
    return joined


@pytest.mark.parametrize("error", [Stopped("Stopped at step 7 of 9"), Diverged("The loss was not finite")])
def test_what_all_agreed_on_ends_an_assistant_in_silence(error: BpkdError, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first process tells of it; a second voice would be read as a second failure."""
    assert join_until(error, monkeypatch) == 3


def test_what_only_an_assistant_knows_is_heard(monkeypatch: pytest.MonkeyPatch) -> None:
    """Torchrun ends the others for it; a process that left in silence would leave them waiting for a week."""
    with pytest.raises(InvalidSpec):
        join_until(InvalidSpec("There is no such file here"), monkeypatch)
