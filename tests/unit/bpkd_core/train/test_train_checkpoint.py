"""Whatever happens to the files, what is loaded is whole, and as new as it can be."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from bpkd_core.bundle import describe
from bpkd_core.train.checkpoint import Checkpoints


def state(step: int) -> dict[str, Any]:
    return {"net": {"weight": torch.full((100,), float(step))}, "progress": {"step": step, "best_miou": None}}


def loaded(checkpoints: Checkpoints) -> int | None:
    """The step of what is loaded; its content must be that step's."""
    found = checkpoints.load()
    if found is None:
        return None
    step, content = found
    assert content["progress"] == {"step": step, "best_miou": None}
    assert torch.equal(content["net"]["weight"], state(step)["net"]["weight"])
    return step


@pytest.fixture
def checkpoints(tmp_path: Path) -> Checkpoints:
    """Steps 10 and 20 are saved."""
    checkpoints = Checkpoints(tmp_path / "student")
    checkpoints.save(10, state(10))
    checkpoints.save(20, state(20))
    return checkpoints


def test_nothing_saved_is_nothing_loaded(tmp_path: Path) -> None:
    """A first start is no error."""
    assert Checkpoints(tmp_path / "student").load() is None


def test_the_newest_is_loaded(checkpoints: Checkpoints) -> None:
    """Every step since would be done again."""
    assert loaded(checkpoints) == 20


def test_two_are_kept(checkpoints: Checkpoints) -> None:
    """One in reserve; more would fill the disk of a long run."""
    entry = checkpoints.save(30, state(30))
    assert [row.step for row in checkpoints.entries()] == [20, 30]
    files = {row.file for row in checkpoints.entries()} | {"index.json"}
    assert {path.name for path in checkpoints.folder.iterdir()} == files
    assert (entry.sha256, entry.size) == (
        describe(checkpoints.folder / entry.file).sha256,
        describe(checkpoints.folder / entry.file).size,
    )


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


@pytest.mark.parametrize("damage", [cut, flip, Path.unlink, lambda path: path.write_bytes(b"")])
def test_f18_a_damaged_newest_gives_the_one_before(checkpoints: Checkpoints, damage: Callable[[Path], object]) -> None:
    """A power cut or a bad disk costs one interval; a flipped weight would cost the result, unseen."""
    damage(checkpoints.folder / checkpoints.entries()[-1].file)
    assert loaded(checkpoints) == 10
    checkpoints.save(20, state(20))
    assert loaded(checkpoints) == 20
    assert [row.step for row in checkpoints.entries()] == [10, 20]


def test_two_damaged_ones_are_a_fresh_start(checkpoints: Checkpoints) -> None:
    """A run that starts again is better than one that cannot."""
    for entry in checkpoints.entries():
        flip(checkpoints.folder / entry.file)
    assert loaded(checkpoints) is None


@pytest.mark.parametrize("index", [b"", b"[{", b"{}", b"null", b"[3]", b'[{"step": 20}]', b"\xff"])
def test_a_damaged_index_is_a_fresh_start(checkpoints: Checkpoints, index: bytes) -> None:
    """Without the hashes nobody knows which file is whole."""
    (checkpoints.folder / "index.json").write_bytes(index)
    assert loaded(checkpoints) is None
    checkpoints.save(5, state(5))
    assert loaded(checkpoints) == 5
    assert len(list(checkpoints.folder.iterdir())) == 2


def test_what_a_killed_writer_left_is_swept(checkpoints: Checkpoints) -> None:
    """A kill in each of a hundred attempts must not fill the disk with a hundred half checkpoints."""
    for name in (".step-00000030.pt.123.tmp", ".index.json.123.tmp", "step-00000030.pt"):
        (checkpoints.folder / name).write_bytes(b"half")
    assert loaded(checkpoints) == 20
    checkpoints.save(40, state(40))
    assert sorted(path.name for path in checkpoints.folder.iterdir()) == [
        "index.json",
        "step-00000020.pt",
        "step-00000040.pt",
    ]


@pytest.mark.parametrize("call", range(1, 7))
def test_f16_a_disk_that_refuses_costs_nothing_that_was_saved(
    checkpoints: Checkpoints, monkeypatch: pytest.MonkeyPatch, call: int
) -> None:
    """A save syncs and renames six times; whichever of them fails, 20 or 30 can be loaded, and the next save works."""
    calls = 0

    def counted(work: Callable[..., Any]) -> Callable[..., Any]:
        def refuse(*arguments: Any) -> Any:
            nonlocal calls
            calls += 1
            if calls == call:
                raise OSError("no space left on device")
            return work(*arguments)

        return refuse

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", counted(os.fsync))
        patch.setattr(Path, "replace", counted(Path.replace))
        with pytest.raises(OSError, match="no space left"):
            checkpoints.save(30, state(30))
    assert loaded(checkpoints) == (30 if call == 6 else 20)
    checkpoints.save(40, state(40))
    assert loaded(checkpoints) == 40
