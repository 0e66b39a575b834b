"""What the probe of a teacher found, for people."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.text import Text

from bpkd_core.foreign.findings import Probe, Trial, say
from service.cli.output import facts, percent, table
from service.schemas import Teacher, TeacherProbe

COLOUR = {"error": "bold red", "warning": "yellow", "note": "dim"}


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
