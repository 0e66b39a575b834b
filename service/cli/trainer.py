"""The trainer as a child of the command line: its event lines drawn, its end turned into an answer or an error."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from rich.console import Console

from bpkd_core.bundle import Bundle
from bpkd_core.errors import BpkdError, MissingExtra, Stopped
from bpkd_core.events import Event, parse_line
from bpkd_core.leash import leashed
from service.cli.children import last_words, module_command
from service.cli.watch import watch

STOPPED = 75  # of bpkd_core.__main__: a checkpoint is written
TRAINER = tuple(module_command("bpkd_core", {}))


def run_trainer(spec: Path, workdir: Path, screen: Console, *, command: Sequence[str] = TRAINER) -> Bundle:
    """Distil in `workdir`, showing progress. Raises the trainer's error, and Stopped after SIGINT or SIGTERM.

    command: to which `distill --spec F --workdir D` is added.
    """
    workdir.mkdir(parents=True, exist_ok=True)
    log = workdir / "stderr.log"
    arguments = ["distill", "--spec", str(spec), "--workdir", str(workdir)]
    errors: list[Event] = []
    with log.open("wb") as stderr, start([*command, *arguments], stderr) as trainer, passed_on(trainer):
        try:
            watch(events(trainer, errors), screen, f"{spec} in {workdir}")
            code = trainer.wait()
        finally:
            trainer.kill()  # does nothing to one that has ended
    if code == STOPPED:
        raise Stopped("Stopped with a checkpoint; the same command goes on from there")
    if errors:
        raise BpkdError.from_dict(errors[-1].data)
    if code != 0:
        raise BpkdError(f"The trainer ended with code {code}: {last_words(log) or f'see {log}'}")
    return Bundle.read(workdir)


def start(command: Sequence[str], stderr: IO[bytes]) -> subprocess.Popen[str]:
    """The trainer on a leash, in a session of its own: Ctrl-C reaches it through this process only."""
    return subprocess.Popen(  # noqa: S603  # a command of ours, without a shell
        leashed(command),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=stderr,
        text=True,
        start_new_session=True,
    )


def require_trainer() -> None:
    """Raise MissingExtra where nothing can be trained, before anything else is done."""
    from importlib.util import find_spec

    if find_spec("torch") is None:
        raise MissingExtra("Training needs torch, which is not installed; expected: pip install 'bpkd[train]'")


def events(trainer: subprocess.Popen[str], errors: list[Event]) -> Iterator[Event]:
    """What it says, until it says no more; its error goes into `errors`."""
    assert trainer.stdout is not None  # a pipe was asked for
    for line in trainer.stdout:
        event = parse_line(line)
        if event is not None and event.type == "error":
            errors.append(event)
        elif event is not None:
            yield event


@contextmanager
def passed_on(trainer: subprocess.Popen[str]) -> Iterator[None]:
    """Inside this block, SIGINT and SIGTERM ask the trainer to stop, and kill nothing here."""
    asked = signal.SIGINT, signal.SIGTERM
    before = {number: signal.signal(number, lambda *_: trainer.terminate()) for number in asked}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
