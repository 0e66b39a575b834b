"""A child process in which a stranger's file is opened: it answers, or it ends with a reason."""

from __future__ import annotations

import os
import select
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fakes import confined
from fakes.waiting import wait_for

from bpkd_core.errors import InvalidModel
from bpkd_core.sandbox import MAX_RESULT_BYTES, MIB, ChildFailed, run_limited


def run(function: Callable[..., Any], *args: Any, memory_bytes: int = 64 * MIB, timeout_s: float = 20) -> Any:
    return run_limited(function, *args, memory_bytes=memory_bytes, timeout_s=timeout_s)


def test_it_returns_what_the_function_returns_whatever_is_printed_meanwhile() -> None:
    """Libraries write warnings to both streams; the answer must not drown in them."""
    assert run(confined.double, [1, 2]) == {"doubled": [2, 4]}


def test_our_own_errors_come_back_as_they_were() -> None:
    """The sentence of a refusal is written where the file is read, and must reach the caller whole."""
    with pytest.raises(InvalidModel, match=r"^It has no output\.$") as caught:
        run(confined.refuse)
    assert (caught.value.param, caught.value.hint) == ("model", "Add one.")


ENDS: dict[str, tuple[Callable[..., Any], tuple[Any, ...], str]] = {
    "memory": (confined.allocate, (256 * MIB,), "^it asks for more than 64 MiB of memory$"),
    "a crash": (confined.crash, (), "ended with SIGSEGV$"),
    "an exit": (confined.leave, (), "ended with status 1: enough$"),
    "an exception": (confined.stumble, (), "^ValueError: x{488}$"),
    "too much to say": (confined.tell, (MAX_RESULT_BYTES,), "takes more than 16 MiB to tell$"),
}


@pytest.mark.parametrize(("function", "args", "reason"), ENDS.values(), ids=ENDS.keys())
def test_every_other_end_is_a_reason(function: Callable[..., Any], args: tuple[Any, ...], reason: str) -> None:
    """A hostile file costs one child; whoever opened it goes on and says why the file was refused."""
    with pytest.raises(ChildFailed, match=reason):
        run(function, *args)


def test_a_child_that_never_ends_is_ended() -> None:
    """A loop inside a file must not hold a worker for ever."""
    with pytest.raises(ChildFailed, match=r"^it took longer than 0\.7 s$"):
        run(confined.loop, timeout_s=0.7)


OPENER = """
import sys
from bpkd_core.sandbox import run_limited
from fakes.confined import tell_and_loop
run_limited(tell_and_loop, sys.argv[1], memory_bytes=2**26, timeout_s=300)
"""


def test_a_child_dies_with_the_process_that_opened_the_file(tmp_path: Path) -> None:
    """A worker that is killed beside a file that loops must leave no process that burns a core for minutes."""
    place = tmp_path / "pid"
    environment = {"PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen([sys.executable, "-c", OPENER, str(place)], env=environment) as opener:
        wait_for(lambda: place.exists() and place.read_text() != "")
        child = os.pidfd_open(int(place.read_text()))
        opener.kill()
    try:
        assert select.select([child], [], [], 60)[0], "the child outlived the process that started it"
    finally:
        os.close(child)


def test_a_child_cannot_fill_the_disk(tmp_path: Path) -> None:
    """A clean copy is as large as its memory at most; a runaway one stops there."""
    with pytest.raises(ChildFailed, match="File too large"):
        run(confined.fill, str(tmp_path / "big"), 32, memory_bytes=16 * MIB)
    assert (tmp_path / "big").stat().st_size <= 16 * MIB


def test_memory_counts_from_what_the_module_needs() -> None:
    """torch alone reserves 3 GiB of addresses; a caller thinks in sizes of files."""
    assert run(confined.allocate, 16 * MIB, memory_bytes=32 * MIB) == 16 * MIB


def test_the_child_sees_no_variable_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    """Database and storage passwords lie in the environment of a worker."""
    monkeypatch.setenv("BPKD_DATABASE_URL", "postgresql://bpkd:secret@localhost/bpkd")
    found = set(run(confined.variables))
    assert found <= {"PYTHONPATH", "OMP_NUM_THREADS", "MALLOC_ARENA_MAX", "CUDA_VISIBLE_DEVICES", "LC_CTYPE"}


def test_the_working_folder_is_not_on_the_import_path(tmp_path: Path) -> None:
    """A file named json.py beside a checkpoint must not become a module."""
    (tmp_path / "json.py").write_text("raise SystemExit('hijacked')")
    code = (
        "import os, sys; from fakes import confined; from bpkd_core.sandbox import run_limited; os.chdir(sys.argv[1]);"
        "print(run_limited(confined.double, [4], memory_bytes=2**26, timeout_s=20))"
    )
    path = os.pathsep.join(entry for entry in sys.path if entry)
    child = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], env={"PYTHONPATH": path}, capture_output=True, text=True
    )
    assert child.stdout.strip() == "{'doubled': [8]}", child.stderr


def test_importing_it_loads_no_torch() -> None:
    """The service opens ONNX files with it."""
    code = "import bpkd_core.sandbox, sys; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
