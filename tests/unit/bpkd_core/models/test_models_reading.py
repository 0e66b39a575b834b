"""Files are opened in a child process, and what it cannot stand is a sentence."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from bpkd_core.errors import InvalidCheckpoint
from bpkd_core.models.checkpoints import reading
from bpkd_core.models.checkpoints.reading import read
from bpkd_core.sandbox import MIB

WEIGHTS = {"conv.weight": torch.arange(12.0).view(3, 4)}


@pytest.mark.parametrize("name", ["net.safetensors", "net.pth"])
def test_safetensors_are_read_by_their_content(name: str, tmp_path: Path) -> None:
    """The format cannot carry code, so it needs no child; hubs serve it under any name."""
    save_file(WEIGHTS, tmp_path / name)
    assert torch.equal(read(tmp_path / name).tensors["conv.weight"], WEIGHTS["conv.weight"])


def test_a_pickle_named_safetensors_is_damaged(tmp_path: Path) -> None:
    """Whoever sends one relies on the name being believed."""
    torch.save(WEIGHTS, tmp_path / "net.safetensors")
    with pytest.raises(InvalidCheckpoint, match=r'^"net.safetensors" \(\d+ bytes\) is damaged or holds no weights'):
        read(tmp_path / "net.safetensors")


def test_a_file_that_is_not_there_is_named_whole(tmp_path: Path) -> None:
    """The path as given is what the caller can look at."""
    with pytest.raises(InvalidCheckpoint, match=f'There is no file "{tmp_path / "no.pth"}"'):
        read(tmp_path / "no.pth")


def test_a_torch_file_goes_through_a_child(tmp_path: Path) -> None:
    """Tensors, the names of what is none, and refusals all come back; a relative path is the caller's."""
    torch.save({"state_dict": {**WEIGHTS, "name": "net"}}, tmp_path / "net.pth")
    code = (
        "import os, sys; from pathlib import Path; from bpkd_core.models.checkpoints.reading import read;"
        "os.chdir(sys.argv[1]); found = read(Path('net.pth'));"
        "print(found.tensors['conv.weight'].sum().item(), found.others)"
    )
    child = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=False)
    assert child.stdout.strip() == "66.0 {'name': 'str'}", child.stderr


def test_a_refusal_of_the_child_is_the_callers(tmp_path: Path) -> None:
    """The sentence is written over there."""
    torch.save([1], tmp_path / "net.pth")
    with pytest.raises(InvalidCheckpoint, match=r'^"net.pth" holds a list; expected a dictionary'):
        read(tmp_path / "net.pth")


def test_a_file_that_needs_more_memory_than_its_size_allows_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What no check foresees still meets the limit of the process: here, many views of the same few bytes."""
    weight = torch.zeros(MIB)
    torch.save({str(index): weight[index:] for index in range(64)}, tmp_path / "net.pth")
    monkeypatch.setattr(reading, "MEMORY_BYTES", 64 * MIB)
    with pytest.raises(InvalidCheckpoint, match=r"cannot be opened safely: it asks for more than \d+ MiB of memory"):
        read(tmp_path / "net.pth")
