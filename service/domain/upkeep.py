"""What a service does for itself now and then: it forgets what nobody can need any more.

A file is stored before a record names it. So only files older than a grace are looked at, and those that no record
names are set aside first; they are deleted when a second grace has passed and still no record names them. A record that
is written meanwhile finds its file again (:class:`service.domain.ports.Artifacts`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from service.domain.ports import Artifacts, Upkeep

TIDY = "tidy"


@dataclass(frozen=True)
class Rules:
    """every_s: between two rounds of all processes together. grace_s: see above. events: metrics and logs per job."""

    every_s: float
    grace_s: float
    events: int


@dataclass(frozen=True)
class Tidied:
    """How many things went in one round."""

    set_aside: int = 0
    deleted: int = 0
    events: int = 0
    rows: int = 0


def tidy(upkeep: Upkeep, artifacts: Artifacts, now: Callable[[], datetime], rules: Rules) -> Tidied | None:
    """One round of everything, if one is due and this process gets it; None if not."""
    if not upkeep.take(TIDY, every_s=rules.every_s):
        return None
    set_aside, deleted = collect(upkeep, artifacts, before=now() - timedelta(seconds=rules.grace_s))
    return Tidied(set_aside, deleted, upkeep.thin_events(keep=rules.events), upkeep.forget())


def collect(upkeep: Upkeep, artifacts: Artifacts, *, before: datetime) -> tuple[int, int]:
    """Set aside, bring back and delete files that have been where they are since `before`; how many went.

    The files are listed first and the names read afterwards: a record that was written in between is seen. Returns how
    many were set aside, and how many deleted.
    """
    kept, aside = set(artifacts.kept(before=before)), set(artifacts.aside(before=before))
    named = {sha256 for sha256 in upkeep.named_artifacts() if sha256 in kept or sha256 in aside}
    for sha256 in kept - named:
        artifacts.set_aside(sha256)
    for sha256 in aside & named:
        artifacts.bring_back(sha256)
    for sha256 in aside - named:
        artifacts.delete(sha256)
    return len(kept - named), len(aside - named)


def surplus(numbers: list[int], share: int) -> list[int]:
    """Which events go so that one of `share` stays: numbers of one type and job, ascending. The newest stays."""
    return [number for place, number in enumerate(reversed(numbers)) if place % share]
