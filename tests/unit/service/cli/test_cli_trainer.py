"""`bpkd distill`: a real child process with the trainer's protocol."""

from __future__ import annotations

import io
import json
import os
import signal
import threading
from pathlib import Path

import pytest
from fakes.records import TRAINER
from fakes.waiting import wait_for
from rich.console import Console

from bpkd_core.errors import BpkdError, Diverged, Stopped
from service.cli.trainer import run_trainer


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    path = tmp_path / "spec.json"
    path.write_text(json.dumps({"name": "streets", "provenance": {}}))
    return path


@pytest.fixture
def screen() -> Console:
    return Console(file=io.StringIO(), width=120)


def test_a_run_ends_with_its_bundle_and_was_seen(spec: Path, screen: Console, tmp_path: Path) -> None:
    # the result is read from the files, which outlive the terminal
    bundle = run_trainer(spec, tmp_path / "run", screen, command=TRAINER)
    assert bundle.result.images == 1
    assert isinstance(screen.file, io.StringIO)
    assert "training_student finished" in screen.file.getvalue()


def test_the_trainer_s_error_is_the_command_s(spec: Path, screen: Console, tmp_path: Path) -> None:
    # with its class, so that the exit status and the hint fit
    with pytest.raises(Diverged, match="the trainer gave up"):
        run_trainer(spec, tmp_path / "run", screen, command=[*TRAINER, "--error", "diverged"])


def test_a_trainer_that_is_killed_is_an_error_too(spec: Path, screen: Console, tmp_path: Path) -> None:
    # the kernel's memory killer says nothing on standard output
    with pytest.raises(BpkdError, match="ended with code -9"):
        run_trainer(spec, tmp_path / "run", screen, command=[*TRAINER, "--die-at", "2"])


def test_ctrl_c_writes_a_checkpoint_and_the_next_run_goes_on(spec: Path, screen: Console, tmp_path: Path) -> None:
    # an evening's training must survive the wish to go home
    trace, run = tmp_path / "trace", tmp_path / "run"
    command = [*TRAINER, "--trace", str(trace), "--pause-at", "3"]

    def interrupt() -> None:
        wait_for(lambda: trace.exists() and "3 " in trace.read_text(), "step 3")
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    thread.start()
    with pytest.raises(Stopped, match="goes on from there"):
        run_trainer(spec, run, screen, command=command)
    thread.join()
    run_trainer(spec, run, screen, command=command)
    assert [int(line.split()[0]) for line in trace.read_text().splitlines()] == [1, 2, 3, 4, 5, 6]
