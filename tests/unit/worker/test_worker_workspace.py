from __future__ import annotations

import os
from pathlib import Path

import pytest

from bpkd_core.bundle import write_atomically
from worker.workspace import close_workspace, newest_run, open_workspace


def names(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_the_first_attempt_starts_empty(tmp_path: Path) -> None:
    """There is nothing to go on from."""
    folder = open_workspace(tmp_path, "job_1", 1)
    assert folder == tmp_path / "job_1" / "run-000001"
    assert names(folder) == set()


def test_an_attempt_starts_with_what_the_one_before_had_finished(tmp_path: Path) -> None:
    """A crash costs one checkpoint interval, not the run."""
    first = open_workspace(tmp_path, "job_1", 1)
    write_atomically(first / "checkpoints" / "student" / "step-2.pt", b"weights")
    write_atomically(first / "stages" / "preparing_data.json", b"{}")
    second = open_workspace(tmp_path, "job_1", 2)
    assert names(second) == {"checkpoints/student/step-2.pt", "stages/preparing_data.json"}
    assert (second / "checkpoints/student/step-2.pt").read_bytes() == b"weights"


def test_a_zombie_changes_nothing_in_the_folder_of_its_successor(tmp_path: Path) -> None:
    """A worker that was frozen and comes back writes on into its own folder (F6)."""
    first = open_workspace(tmp_path, "job_1", 1)
    write_atomically(first / "index.json", b"mine")
    with (first / "run.log").open("a") as log:
        log.write("before\n")
        second = open_workspace(tmp_path, "job_1", 2)
        write_atomically(first / "index.json", b"the zombie's")
        log.write("after\n")
    assert (second / "index.json").read_bytes() == b"mine"
    assert "after" not in (second / "run.log").read_text()


def test_half_written_files_are_left_behind(tmp_path: Path) -> None:
    """What a kill cut off is nobody's progress."""
    first = open_workspace(tmp_path, "job_1", 1)
    (first / ".bundle.json.77.tmp").write_bytes(b"{")
    assert names(open_workspace(tmp_path, "job_1", 2)) == set()


def test_an_attempt_that_died_while_its_folder_was_made_loses_nothing(tmp_path: Path) -> None:
    """A folder is there whole or not at all; the next attempt takes the last whole one."""
    first = open_workspace(tmp_path, "job_1", 1)
    write_atomically(first / "step-2.pt", b"weights")
    (tmp_path / "job_1" / ".run-000002.tmp").mkdir()
    assert names(open_workspace(tmp_path, "job_1", 3)) == {"step-2.pt"}


def test_only_the_attempt_before_is_kept(tmp_path: Path) -> None:
    """Ten attempts must not hold ten generations of checkpoints on the disk."""
    for fence in (1, 2, 3, 12):
        write_atomically(open_workspace(tmp_path, "job_1", fence) / f"of-{fence}", b"")
    runs = sorted(path.name for path in (tmp_path / "job_1").iterdir())
    assert runs == ["run-000003", "run-000012"]
    assert names(tmp_path / "job_1" / "run-000012") == {"of-1", "of-2", "of-3", "of-12"}


def test_a_zombie_takes_nothing_from_its_successors(tmp_path: Path) -> None:
    """A claim that is late with opening its folder neither adopts from a later one nor removes it."""
    open_workspace(tmp_path, "job_1", 1)
    write_atomically(open_workspace(tmp_path, "job_1", 3) / "later", b"")
    assert names(open_workspace(tmp_path, "job_1", 2)) == set()
    assert names(tmp_path / "job_1" / "run-000003") == {"later"}


def test_a_file_system_without_hard_links_gets_copies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Network and FAT volumes have none."""

    def no_links(*_: object) -> None:
        raise PermissionError("Operation not permitted")

    write_atomically(open_workspace(tmp_path, "job_1", 1) / "step-2.pt", b"weights")
    monkeypatch.setattr(os, "link", no_links)
    assert (open_workspace(tmp_path, "job_1", 2) / "step-2.pt").read_bytes() == b"weights"


def test_closing_removes_one_job_and_no_other(tmp_path: Path) -> None:
    """And is no error when there is nothing to remove."""
    open_workspace(tmp_path, "job_1", 1)
    open_workspace(tmp_path, "job_2", 1)
    close_workspace(tmp_path, "job_1")
    close_workspace(tmp_path, "job_1")
    assert [path.name for path in tmp_path.iterdir()] == ["job_2"]


def test_a_retry_takes_the_trainings_of_another_job_and_nothing_that_bears_its_name(tmp_path: Path) -> None:
    """Exported files hold the id of the job that made them; they are made again."""
    kept = {
        "checkpoints/student/step-2.pt",
        "networks/teacher.safetensors",
        "stages/training_teacher.json",
        "metrics.log",
    }
    dropped = {"student.onnx", "stages/exporting.json", "bundle.json", "trainer.log", "spec.json"}
    first = open_workspace(tmp_path, "job_1", 1)
    for name in kept | dropped:
        write_atomically(first / name, name.encode())
    assert newest_run(tmp_path, "job_1") == first
    assert names(open_workspace(tmp_path, "job_2", 1, seed=first)) == kept
    assert newest_run(tmp_path, "job_3") is None
