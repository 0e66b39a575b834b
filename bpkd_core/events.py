"""What a run says while it works: one JSON object a line on standard output.

The worker relays these lines into the job's event list, the command line draws them; both read them with
:func:`parse_line`. Every event has a `type` of :data:`EventType` and plain JSON `data`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, cast, get_args

EventType = Literal["stage", "metrics", "log", "preview", "checkpoint", "warning", "done", "error"]
Stage = Literal[
    "preparing_data",
    "probing_teacher",
    "training_teacher",
    "training_control",
    "training_student",
    "exporting",
    "verifying",
    "evaluating",
    "registering",
]
STAGES: tuple[Stage, ...] = get_args(Stage)
_TYPES: tuple[str, ...] = get_args(EventType)


@dataclass(frozen=True)
class Event:
    """One thing that happened. `data` holds JSON values only; its keys by type:

    stage       stage, state (started | finished | skipped), duration_s
    metrics     stage, step, total_steps, values {name: number}; images_per_s, stage_eta_seconds and memory_bytes
                (the most held: of the GPU, else of the process) while training;
                percent and eta_seconds of the whole run
    log         message
    preview     path (of a PNG: images, truth, predictions, errors), stage, step
    checkpoint  stage, step, path, sha256, size
    warning     code, message
    done        result (see :class:`bpkd_core.bundle.Result`)
    error       code, message, param, hint, retryable; report of an invalid_dataset (see :mod:`bpkd_core.errors`)
    """

    type: EventType
    data: Mapping[str, Any] = field(default_factory=dict[str, Any])


Emit = Callable[[Event], None]


def to_line(event: Event) -> str:
    """The event as one line of JSON, without the line's end. NaN and infinities become null."""
    return json.dumps({"type": event.type, **_finite(dict(event.data))}, ensure_ascii=False, separators=(",", ":"))


def parse_line(line: str) -> Event | None:
    """The event on a line, or None for anything else: a library's chatter on standard output is not an error."""
    try:
        parsed: Any = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(parsed, dict):
        return None
    data = cast("dict[str, Any]", parsed)
    kind = data.pop("type", None)
    return Event(cast("EventType", kind), data) if kind in _TYPES else None


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if value - value == 0 else None
    if isinstance(value, Mapping):
        return {str(key): _finite(item) for key, item in value.items()}  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]  # JSON
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]  # pyright: ignore[reportUnknownVariableType]  # JSON
    return value
