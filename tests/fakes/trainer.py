"""A trainer without training: a real process with the real protocol, whose only state is a step number.

    python trainer.py [--steps N] [--pause-at STEP] [--die-at STEP] ... distill --spec F --workdir D
    python trainer.py probe --spec F
    python trainer.py check --layout L --labels S -- PATH

It keeps checkpoints as the real one does, so that a resumed run goes on where its predecessor stood. `--trace FILE`
gets a line with step and process id for each step of any attempt: what was done twice stands there twice.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

from bpkd_core.events import Event, to_line

CHECKPOINT_EVERY = 2
STAGE = "training_student"


def main() -> int:
    options = parse()
    if options.command == "check":
        return check(Path(options.path), options.layout, options.labels)
    if options.command == "probe":
        return probe(json.loads(options.spec.read_text()))
    return distill(options)


def distill(options: argparse.Namespace) -> int:
    signal.signal(signal.SIGTERM, remember)
    sys.stderr.write("e" * options.stderr_bytes)
    for line in options.say:
        say(line)
    if options.long_line:
        say("x" * options.long_line)
    if options.error:
        emit("error", code=options.error, message="the trainer gave up", param=None, hint=None, retryable=False)
        return 1
    spec = json.loads(options.spec.read_text())
    emit("stage", stage=STAGE, state="started")
    for step in range(last_step(options.workdir) + 1, options.steps + 1):
        train(step, options)
        if stop_asked:
            save(options.workdir, step)
            return 75
    emit("stage", stage=STAGE, state="finished", duration_s=1.0)
    from bundle import leave_bundle  # beside this file; Pydantic costs 0.3 s that a run which is cut off need not pay

    leave_bundle(options.workdir, spec, miou=options.miou)
    if options.damage:
        (options.workdir / "student.onnx").write_bytes(b"other bytes")
    emit("done", result={})
    return 0


def train(step: int, options: argparse.Namespace) -> None:
    pauses = step == options.pause_at and first_time(options.workdir)
    dies = step == options.die_at and (options.die_always or first_time(options.workdir))
    if options.trace:  # whoever reads it may strike now: all that the next attempt goes by stands already
        with options.trace.open("a") as trace:
            trace.write(f"{step} {os.getpid()}\n")
    emit("metrics", stage=STAGE, step=step, total_steps=options.steps, values={"loss": 1 / step})
    if step % CHECKPOINT_EVERY == 0 and not options.no_checkpoints:
        save(options.workdir, step)
    if step == options.wait_at:
        wait_until(options.wait_for)
    if pauses:
        wait_for_stop(deaf=options.deaf)
    if dies:
        os.kill(os.getpid(), signal.SIGKILL)


stop_asked = False


def remember(*_: object) -> None:
    global stop_asked
    stop_asked = True


def wait_for_stop(*, deaf: bool) -> None:
    """Until SIGTERM, also one that came just before; for ever in a trainer that ignores it."""
    global stop_asked
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    if deaf:
        signal.sigwait({signal.SIGUSR1})
    if not stop_asked:
        signal.sigwait({signal.SIGTERM})
        stop_asked = True


def wait_until(path: Path) -> None:
    """Until a test makes a file."""
    while not path.exists():
        time.sleep(0.02)


def first_time(workdir: Path) -> bool:
    """Whether no earlier attempt of this job has come here: attempts have numbered folders beside each other."""
    mark = workdir.parent / "was-here"
    if mark.exists():
        return False
    mark.touch()
    return True


def last_step(workdir: Path) -> int:
    index = workdir / "checkpoints" / "student" / "index.json"
    return json.loads(index.read_text())[-1]["step"] if index.exists() else 0


def save(workdir: Path, step: int) -> None:
    folder = workdir / "checkpoints" / "student"
    folder.mkdir(parents=True, exist_ok=True)
    replace(folder / f"step-{step:08d}.pt", str(step))
    replace(folder / "index.json", json.dumps([{"step": step}]))
    replace(folder / "best.safetensors", f"weights of step {step}")
    emit("checkpoint", stage=STAGE, step=step, path=f"step-{step:08d}.pt", sha256="0" * 64, size=1)


def replace(path: Path, text: str) -> None:
    """By rename, as the real one does: folders of two attempts share their files."""
    temporary = path.with_name(f".{path.name}.tmp")
    temporary.write_text(text)
    temporary.replace(path)


def check(path: Path, layout: str, labels: str) -> int:
    """A folder named `broken` is refused, one named `deadly` kills the validator; any other is fine."""
    if path.name == "deadly":
        os.kill(os.getpid(), signal.SIGKILL)
    report = {
        "ok": path.name != "broken",
        "layout": layout,
        "labels": labels,
        "findings": [],
        "splits": [{"name": "train", "images": 3, "source": "folder", "void_share": 0.0}],
        "classes": [{"id": 0, "name": "road", "color": [128, 64, 128], "share": {"train": 1.0}}],
        "sizes": {"8x8": 3},
        "sha256": "d" * 64,
    }
    say(json.dumps(report))
    return 0 if report["ok"] else 1


def probe(spec: dict[str, Any]) -> int:
    """What the teacher's file holds decides: `deadly`, `unsafe`, `wrong`; any other can teach."""
    content = Path(spec["teacher"]["path"]).read_text()
    if content == "deadly":
        os.kill(os.getpid(), signal.SIGKILL)
    if content == "unsafe":
        emit("error", code="invalid_model", message="the file is unsafe", param=None, hint=None, retryable=False)
        return 1
    bgr = {"color": "bgr", "layout": "nchw", "scale": 255.0, "mean": [0.0, 0.0, 0.0], "std": [1.0, 1.0, 1.0]}
    finding = {"severity": "error", "code": "wrong_input", "message": "3% with these settings, 79% with BGR."}
    found = {
        "reading": {"input": bgr, "output": {"name": "said", "kind": "logits", "layout": "nchw"}, "channels": [[0]]},
        "sha256": hashlib.sha256(content.encode()).hexdigest(),
        "parameters": 16,
        "pixels_as_they_are": False,
        "images": 2,
        "miou": 0.79,
        "trials": [{"input": bgr, "channels": [[0]], "reordered": False, "miou": 0.79}],
        "findings": [finding] if content == "wrong" else [],
    }
    say(json.dumps(found))
    return 0


def emit(kind: str, **data: object) -> None:
    say(to_line(Event(kind, data)))


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("--steps", type=int, default=6)
    parser.add_argument("--pause-at", type=int, help="wait for a signal after this step, in the first attempt")
    parser.add_argument("--wait-at", type=int, help="wait after this step, in every attempt ...")
    parser.add_argument("--wait-for", type=Path, help="... until this file exists")
    parser.add_argument("--die-at", type=int, help="SIGKILL itself after this step, in the first attempt")
    parser.add_argument("--die-always", action="store_true", help="in every attempt")
    parser.add_argument("--deaf", action="store_true", help="ignore SIGTERM")
    parser.add_argument("--no-checkpoints", action="store_true")
    parser.add_argument("--error", help="end with an error event of this code")
    parser.add_argument("--say", action="append", default=[], help="print this line first")
    parser.add_argument("--long-line", type=int, default=0, help="say one line of this length")
    parser.add_argument("--stderr-bytes", type=int, default=0)
    parser.add_argument("--miou", type=float, default=0.5)
    parser.add_argument("--damage", action="store_true", help="change the student after it was hashed")
    parser.add_argument("--trace", type=Path)
    commands = parser.add_subparsers(dest="command", required=True)
    job = commands.add_parser("distill")
    job.add_argument("--spec", type=Path)
    job.add_argument("--workdir", type=Path)
    teacher = commands.add_parser("probe")
    teacher.add_argument("--spec", type=Path)
    dataset = commands.add_parser("check")
    dataset.add_argument("--layout", required=True)
    dataset.add_argument("--labels", required=True)
    dataset.add_argument("--archive", type=Path)
    dataset.add_argument("--samples", type=Path, required=True)
    dataset.add_argument("--memory-mib", type=int, required=True)
    dataset.add_argument("path")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
