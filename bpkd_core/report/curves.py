"""What a training said while it ran: kept in the run's folder as it comes, and read back as curves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bpkd_core.events import Emit, Event, parse_line, to_line

MAX_POINTS = 300
TRAINING = "training_"


@dataclass(frozen=True)
class Curve:
    """One number over the steps of one training. model: teacher, control or student. name: loss, val_miou, ..."""

    model: str
    name: str
    steps: Sequence[int]
    values: Sequence[float]


def recording(emit: Emit, path: Path) -> Emit:
    """An `emit` that also appends what trainings measure to a file, one event a line.

    A run that goes on from a checkpoint says some steps again; the later word counts. A line that a kill cut short is
    skipped when the file is read.
    """

    def emit_and_keep(event: Event) -> None:
        emit(event)
        if event.type == "metrics" and str(event.data.get("stage")).startswith(TRAINING):
            path.parent.mkdir(parents=True, exist_ok=True)
            kept = Event("metrics", {key: event.data[key] for key in ("stage", "step", "values")})
            with path.open("a", encoding="utf-8") as file:
                file.write(f"\n{to_line(kept)}")  # the line's end comes first: a line cut short stays alone

    return emit_and_keep


def read_curves(path: Path) -> list[Curve]:
    """The curves of a file of events, each of at most 300 points; none where there is no file."""
    try:
        lines = path.read_text("utf-8", errors="replace").splitlines()
    except FileNotFoundError:
        return []
    points: dict[tuple[str, str], dict[int, float]] = {}
    for event in filter(None, map(parse_line, lines)):
        model = str(event.data.get("stage")).removeprefix(TRAINING)
        for name, value in event.data.get("values", {}).items():
            if isinstance(value, float | int):  # a loss that was not finite is null
                points.setdefault((model, name), {})[event.data["step"]] = float(value)
    return [_curve(model, name, sorted(found.items())) for (model, name), found in points.items()]


def _curve(model: str, name: str, points: Sequence[tuple[int, float]]) -> Curve:
    """At most MAX_POINTS points, evenly chosen, the last one always."""
    stride = -(-len(points) // MAX_POINTS)
    chosen = points[::-1][::stride][::-1]
    return Curve(model, name, [step for step, _ in chosen], [value for _, value in chosen])
