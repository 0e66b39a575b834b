"""The real trainer is killed, stopped and killed again, and ends with the bits of one that was left alone."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

import pytest
from fakes import dying_writer
from fakes.specks import install, speck_spec, speck_train, write_specks

from bpkd_core.bundle import Bundle
from bpkd_core.events import Event, parse_line
from bpkd_core.train.checkpoint import Checkpoints

pytestmark = pytest.mark.timeout(1200)  # six processes that load torch, on a machine that may be busy

KILLED, STOPPED = -signal.SIGKILL, 75
STEPS, INTERVAL = 30, 3


@dataclass
class Home:
    """One specification, its data and plug-in, and the folder of one run."""

    spec: Path
    path: str
    workdir: Path

    def newest(self, role: str) -> int:
        """The step of the newest checkpoint; 0 before the first."""
        found = Checkpoints(self.workdir / "checkpoints" / role).load()
        return found[0] if found else 0


class Trainer:
    """`python -m bpkd_core distill`. It cannot run ahead of its reader, because the pipe holds one page of lines."""

    def __init__(self, home: Home, *, threads: int) -> None:
        variables = [f"PYTHONPATH={home.path}", f"OMP_NUM_THREADS={threads}"]
        command = [sys.executable, "-m", "bpkd_core", "distill", "--spec", home.spec, "--workdir", home.workdir]
        self.log = home.spec.with_name("stderr.log")
        self.events: list[Event] = []
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                ["env", *variables, *command], stdout=subprocess.PIPE, stderr=log, bufsize=0, pipesize=4096
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.process.kill()
        self.process.wait()
        if self.process.stdout:
            self.process.stdout.close()

    def listen(self) -> Iterator[Event]:
        assert self.process.stdout is not None
        while line := self.process.stdout.readline():
            event = parse_line(line.decode())
            assert event is not None, line
            self.events.append(event)
            yield event

    def send(self, number: signal.Signals, *, at: tuple[str, str], step: int = 0) -> None:
        """A signal as soon as an event of this type and stage has come, of this step or a later one."""
        for event in self.listen():
            if (event.type, event.data.get("stage")) == at and event.data.get("step", 0) >= step:
                return self.process.send_signal(number)
        raise AssertionError(f"no {at} came; the trainer says: {self.log.read_text()}")

    def finish(self) -> Attempt:
        """Until it has ended."""
        for _ in self.listen():
            pass
        return Attempt(self.process.wait(), self.events)


@dataclass
class Attempt:
    """What one process said, and how it ended."""

    code: int
    events: list[Event]
    newest: dict[str, int] = field(default_factory=dict[str, int])

    def started(self) -> list[str]:
        return [e.data["stage"] for e in self.events if e.type == "stage" and e.data["state"] == "started"]

    def steps(self, stage: str) -> list[int]:
        """Every step that was told; each is, because each is evaluated."""
        told = [e.data["step"] for e in self.events if e.type == "metrics" and e.data["stage"] == stage]
        return sorted(set(told))


@pytest.fixture(scope="module")
def homes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Home]:
    """A teacher with SGD, a control and a BPKD student with AdamW, all with dropout, batch norm and auxiliary heads."""
    folder = tmp_path_factory.mktemp("training")
    often = {"steps": STEPS, "eval_every": 1, "checkpoint_every": INTERVAL, "warmup_steps": 4}
    teacher = speck_train(optimizer="sgd", lr=0.05, schedule="cosine", **often)
    spec = speck_spec(
        write_specks(folder / "scenes"),
        train=speck_train(distill_warmup_steps=10, **often),
        teacher={"type": "train", "arch": "speck_teacher", "train": teacher},
    )
    (folder / "spec.json").write_text(json.dumps(spec))
    path = ":".join(map(str, install(folder / "package")))
    return {name: Home(folder / "spec.json", path, folder / name) for name in ("whole", "hurt")}


@pytest.fixture(scope="module")
def whole(homes: dict[str, Home]) -> Attempt:
    """Left alone."""
    with Trainer(homes["whole"], threads=2) as trainer:
        return trainer.finish()


@pytest.fixture(scope="module")
def hurt(homes: dict[str, Home]) -> list[Attempt]:
    """Killed in the teacher's training, stopped in the student's, killed in the export; then left alone."""
    home, attempts = homes["hurt"], list[Attempt]()
    blows = [
        (signal.SIGKILL, ("checkpoint", "training_teacher"), 6),
        (signal.SIGTERM, ("checkpoint", "training_student"), 6),
        (signal.SIGKILL, ("stage", "exporting"), 0),
    ]
    for number, (blow, at, step) in enumerate(blows):
        with Trainer(home, threads=2 if number == 0 else 1) as trainer:  # another machine gives other numbers
            trainer.send(blow, at=at, step=step)
            attempts.append(trainer.finish())
        attempts[-1].newest = {role: home.newest(role) for role in ("teacher", "control", "student")}
    with Trainer(home, threads=1) as trainer:
        return [*attempts, trainer.finish()]


def test_each_attempt_ended_as_it_was_meant_to(whole: Attempt, hurt: list[Attempt]) -> None:
    """The blows have hit; what follows would prove nothing otherwise."""
    assert whole.code == 0
    assert [attempt.code for attempt in hurt] == [KILLED, STOPPED, KILLED, 0]
    assert 6 <= hurt[0].newest["teacher"] < STEPS
    assert 6 <= hurt[1].newest["student"] < STEPS
    assert [attempt.events[-1].type for attempt in (whole, hurt[-1])] == ["done", "done"]


@pytest.mark.parametrize("role", ["teacher", "control", "student"])
def test_f3_f4_the_files_are_those_of_a_run_that_was_left_alone(
    homes: dict[str, Home], whole: Attempt, hurt: list[Attempt], role: str
) -> None:
    """Bit for bit: plain training and distillation, SGD and AdamW, dropout, warm-ups and schedules."""
    for name in (f"networks/{role}.safetensors", f"{role}.onnx"):
        assert (homes["hurt"].workdir / name).read_bytes() == (homes["whole"].workdir / name).read_bytes(), name


def test_f4_a_kill_costs_at_most_one_checkpoint_interval(hurt: list[Attempt]) -> None:
    """The next attempt goes on with the step after the newest checkpoint."""
    killed, next_one = hurt[0], hurt[1]
    newest = killed.newest["teacher"]
    assert killed.steps("training_teacher")[-1] - newest <= INTERVAL
    assert next_one.steps("training_teacher") == list(range(newest + 1, STEPS + 1))


def test_f42_a_stop_costs_no_step(hurt: list[Attempt]) -> None:
    """SIGTERM: one more checkpoint, a sentence, the status that means `again later`."""
    stopped, next_one = hurt[1], hurt[2]
    step = stopped.newest["student"]
    assert re.match(rf"Stopped at step {step} of {STEPS}; a checkpoint is written", stopped.events[-1].data["message"])
    assert stopped.steps("training_student") == list(range(1, step + 1))
    assert next_one.steps("training_student") == list(range(step + 1, STEPS + 1))


def test_a_stage_that_ended_is_never_begun_again(hurt: list[Attempt]) -> None:
    """Only what was hit is done twice."""
    started = Counter(stage for attempt in hurt for stage in attempt.started())
    twice = {"training_teacher", "training_student", "exporting"}
    once = {"preparing_data", "training_control", "verifying", "evaluating"}
    assert started == {**dict.fromkeys(twice, 2), **dict.fromkeys(once, 1)}


def test_the_bundle_is_whole(homes: dict[str, Home], hurt: list[Attempt]) -> None:
    """Every file has its hash, and the result is the one that was said last."""
    bundle = Bundle.read(homes["hurt"].workdir)
    assert hurt[-1].events[-1].data["result"] == bundle.result.model_dump(mode="json")


def test_f2_a_writer_that_is_killed_at_any_moment_leaves_a_whole_checkpoint(tmp_path: Path) -> None:
    """The old one until the index names the new one; and the next save sweeps what was left."""
    child = subprocess.run(
        [sys.executable, dying_writer.__file__, str(tmp_path)], capture_output=True, text=True, check=True
    )
    said = [json.loads(line) for line in child.stdout.splitlines()]
    renamed = 2 * (dying_writer.CALLS - 2) + 1  # the moment after the index has its name: the last call but one
    assert said == [
        {"signal": signal.SIGKILL, "loaded": 2 if moment >= renamed else 1} for moment in range(2 * dying_writer.CALLS)
    ]
    for folder in tmp_path.iterdir():
        Checkpoints(folder).save(3, dying_writer.state(3))
        kept = {row.file for row in Checkpoints(folder).entries()}
        assert {path.name for path in folder.iterdir()} == kept | {"index.json"}
