"""A job's events as the lines of a log: the same while it runs, read from the store, and after, in the file it left."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from service.domain.events import NoteType

LOGGED: tuple[NoteType, ...] = ("status", "stage", "log", "warning", "done")
"""The events that a log tells of; metrics, checkpoints and previews have lists of their own."""
FILE = "trainer.log"
"""The artifact that holds the log of a job that has ended."""


def log_line(kind: str, data: Mapping[str, Any], at: datetime) -> str | None:
    """`2026-11-20T20:19:00Z stage   training_student started`, without the line's end; None for what is not logged."""
    words = _words(kind, data)
    if words is None:
        return None
    printable = " ".join("".join(sign if sign.isprintable() else " " for sign in words).split())
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ} {kind:<7} {printable}"


def _words(kind: str, data: Mapping[str, Any]) -> str | None:
    match kind:
        case "status":
            wish = ", asked to stop" if data.get("cancel_requested") and data.get("status") == "running" else ""
            return f"{data.get('status')}, attempt {data.get('attempt')}{wish}"
        case "stage":
            took = data.get("duration_s")
            return f"{data.get('stage')} {data.get('state')}" + (f" after {took} s" if took else "")
        case "log":
            return str(data.get("message"))
        case "warning" | "error":
            return f"{data.get('code')}: {data.get('message')}"
        case "done":
            return str(data.get("status"))
        case _:
            return None
