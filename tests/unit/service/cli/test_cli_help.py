"""Every command's --help is pinned: it is the first page that anybody reads, and its diff shows a changed surface."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from typer import rich_utils
from typer.testing import CliRunner

from service.cli.app import app

GOLDEN = Path(__file__).parents[3] / "golden" / "help"
WIDTH = 100


def walk(command: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    yield path
    for name, child in getattr(command, "commands", {}).items():
        yield from walk(child, (*path, name))


COMMANDS = list(walk(typer.main.get_command(app)))


@pytest.fixture
def same_terminal_everywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"MAX_WIDTH": WIDTH, "FORCE_TERMINAL": None, "COLOR_SYSTEM": None}.items():
        monkeypatch.setattr(rich_utils, name, value)


@pytest.mark.usefixtures("same_terminal_everywhere")
@pytest.mark.parametrize("path", COMMANDS, ids=lambda path: " ".join(path) or "bpkd")
def test_the_help_of_every_command_is_pinned(path: tuple[str, ...], golden: Callable[[Path, str], None]) -> None:
    # an option that changes its name or its default breaks somebody's script
    answer = CliRunner().invoke(app, [*path, "--help"], prog_name="bpkd")
    assert answer.exit_code == 0
    lines = [line.rstrip() for line in answer.output.strip("\n").splitlines()]
    golden(GOLDEN / f"{'-'.join(('bpkd', *path))}.txt", "\n".join(lines) + "\n")


def test_there_is_no_golden_help_of_a_command_that_is_gone() -> None:
    # a forgotten file would document what does not exist
    assert {path.stem for path in GOLDEN.glob("*.txt")} == {"-".join(("bpkd", *path)) for path in COMMANDS}


def test_help_waits_for_nothing_heavy() -> None:
    # who asks what there is must not wait for torch, a database or the network
    script = "import sys, service.cli.app; print(*sys.modules)"
    modules = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout.split()
    assert not {"torch", "onnxruntime", "numpy", "sqlalchemy", "httpx", "fastapi", "celery"} & set(modules)
