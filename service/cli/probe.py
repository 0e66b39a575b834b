"""A teacher probed by the trainer's command, and what was found, for people."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from bpkd_core.errors import BpkdError
from bpkd_core.foreign.findings import Probe, Trial, say
from service.cli.children import last_words
from service.cli.output import facts, percent, table
from service.cli.trainer import TRAINER, start
from service.schemas import Teacher, TeacherProbe

COLOUR = {"error": "bold red", "warning": "yellow", "note": "dim"}


def run_probe(asked: Mapping[str, Any], *, command: Sequence[str] = TRAINER) -> Probe:
    """Have a teacher probed in a child process. asked: a :class:`bpkd_core.spec.probing.ProbeSpec` as JSON.

    command: to which `probe --spec F` is added. Raises the probe's error.
    """
    with TemporaryDirectory() as folder:
        spec, log = Path(folder, "spec.json"), Path(folder, "stderr.log")
        spec.write_text(json.dumps(asked), "utf-8")
        with log.open("wb") as stderr:
            child = start([*command, "probe", "--spec", str(spec)], stderr)
            said = child.communicate()[0].splitlines()
        if not said:
            raise BpkdError(f"The probe ended with code {child.returncode}: {last_words(log) or 'no word'}")
    found = json.loads(said[-1])
    if found.get("type") == "error":
        raise BpkdError.from_dict(found)
    return Probe.model_validate(found)


def draw_probe(probe: Probe, classes: Sequence[str]) -> RenderableType:
    """Every way in which the file was read with its mIoU, the one that is taken marked, and what follows."""
    rows = [
        (
            "taken" if is_taken(trial, probe) else "",
            say(trial.input, as_they_are=probe.pixels_as_they_are),
            "the dataset's, reordered" if trial.reordered else "as they are",
            percent(trial.miou),
        )
        for trial in sorted(probe.trials, key=lambda trial: -trial.miou)
    ]
    findings = [Text(finding.message, style=COLOUR[finding.severity]) for finding in probe.findings]
    return Group(table(("", "input", "classes", "mIoU"), rows), Text(), *findings, Text(advise(probe, classes)))


def is_taken(trial: Trial, probe: Probe) -> bool:
    """Whether a run would read the file in this way."""
    return (trial.input, trial.channels) == (probe.reading.input, probe.reading.channels)


def advise(probe: Probe, classes: Sequence[str]) -> str:
    """One sentence: what to do with this file."""
    if any(finding.severity == "error" for finding in probe.findings):
        return "Do not train with it before that is mended."
    known = f"{len(probe.reading.known)} of {len(classes)} classes"
    output = probe.reading.output
    return (
        f"It can teach {known} as {say(probe.reading.input, as_they_are=probe.pixels_as_they_are)}: "
        f"{percent(probe.miou)} mIoU on {probe.images} images, {output.kind} from its output {output.name}."
    )


def draw_teacher(teacher: Teacher, found: TeacherProbe | None = None) -> RenderableType:
    """A teacher of a server, and its probe if that is to be shown."""
    known = facts(
        {
            "id": teacher.id,
            "name": teacher.name,
            "state": teacher.state,
            "file": teacher.file.get("arch", teacher.file["type"]),
            "sha256": teacher.sha256,
            "dataset": teacher.dataset,
            "classes": ", ".join(each.name for each in teacher.classes),
            "mIoU": percent(teacher.miou) if teacher.miou is not None else None,
            "error": teacher.error.message if teacher.error else None,
        }
    )
    if found is None:
        return known
    probe = Probe.model_validate(found.model_dump(exclude={"object", "teacher"}))
    return Group(known, Text(), draw_probe(probe, [each.name for each in teacher.classes]))
