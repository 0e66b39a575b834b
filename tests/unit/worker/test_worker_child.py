from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from fakes.waiting import wait_until_gone

import worker.child
from worker.child import Child

UP = "import signal; print('up', flush=True)"


@contextmanager
def python(code: str, folder: Path) -> Iterator[Child]:
    with Child([sys.executable, "-c", code], folder=folder, log=folder / "stderr.log") as child:
        yield child


def read_line(child: Child) -> str:
    """The first line: the child has started and said so."""
    while not (heard := child.read(60)):
        assert heard is not None, "the child ended without a word"
    return heard[0]


def read_all(child: Child) -> list[str]:
    lines: list[str] = []
    while (heard := child.read(60)) is not None:
        lines += heard
    return lines


def test_lines_come_through_and_then_the_exit_code(tmp_path: Path) -> None:
    """The whole protocol: lines on one side, a number at the end."""
    with python("print('one'); print('two'); raise SystemExit(75)", tmp_path) as child:
        assert read_all(child) == ["one", "two"]
        assert child.wait(60) == 75


def test_a_child_works_in_its_folder(tmp_path: Path) -> None:
    """What it drops without thinking lies where it is swept."""
    with python("import os; print(os.getcwd())", tmp_path) as child:
        assert read_all(child) == [str(tmp_path)]


def test_standard_error_goes_to_the_log(tmp_path: Path) -> None:
    """A traceback is for people; it must not be taken for an event."""
    with python("import sys; sys.stderr.write('oh no\\n')", tmp_path) as child:
        assert read_all(child) == []
        child.wait(60)
    assert (tmp_path / "stderr.log").read_text() == "oh no\n"


def test_a_log_that_grows_too_large_starts_afresh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A child gone wild must not fill the disk, and its pipe must not block it."""
    monkeypatch.setattr(worker.child, "MAX_LOG_BYTES", 1000)
    with python("import sys; sys.stderr.write('x' * 100_000)", tmp_path) as child:
        read_all(child)
        assert child.wait(60) == 0
        child.read(0)
    assert (tmp_path / "stderr.log").stat().st_size == 0


def test_asked_to_stop_a_child_may_still_say_its_last_words(tmp_path: Path) -> None:
    """A trainer writes a checkpoint between SIGTERM and its end."""
    # blocked and waited for, so that it cannot arrive between two instructions of the child
    block = "import signal; asked = {signal.SIGTERM}; signal.pthread_sigmask(signal.SIG_BLOCK, asked)"
    code = f"{block}; print('up', flush=True); signal.sigwait(asked); print('saved')"
    with python(code, tmp_path) as child:
        assert read_line(child) == "up"
        child.ask_to_stop()
        assert read_all(child) == ["saved"]
        assert child.wait(60) == 0


def test_a_kill_reaches_the_whole_group(tmp_path: Path) -> None:
    """Loader processes of a trainer hold memory and files; none may survive it."""
    code = "import os, signal\npid = os.fork()\nif pid: print(pid, flush=True)\nsignal.pause()"
    with python(code, tmp_path) as child:
        grandchild = read_line(child)
        child.kill()
        assert child.wait(60) == -signal.SIGKILL
    wait_until_gone(int(grandchild))


def test_a_grandchild_that_holds_the_pipe_does_not_hold_the_worker(tmp_path: Path) -> None:
    """The end of a trainer is its own end, not that of whatever it started and forgot."""
    code = "import os, signal\npid = os.fork()\nif pid: print(pid, flush=True); os._exit(3)\nsignal.pause()"
    with python(code, tmp_path) as child:
        lines: list[str] = []
        while (heard := child.read(0.05)) is not None:
            lines += heard
        assert child.wait(60) == 3
    wait_until_gone(int(lines[0]))


def test_a_child_that_closes_its_output_and_stays_is_killed(tmp_path: Path) -> None:
    """Nobody waits for ever for a process that has nothing more to say."""
    with python("import os, signal; os.close(1); signal.pause()", tmp_path) as child:
        assert read_all(child) == []
        assert child.wait(0.05) == -signal.SIGKILL


def test_leaving_the_block_leaves_no_process(tmp_path: Path) -> None:
    """Whatever goes wrong in the worker, the child goes with it."""
    with contextlib.suppress(RuntimeError), python(f"{UP}; signal.pause()", tmp_path) as child:
        assert read_line(child) == "up"
        raise RuntimeError
    with pytest.raises(ProcessLookupError):
        os.kill(child.pid, 0)
