"""The registry's values: versions never change, aliases move, and every move is kept."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from bpkd_core.bundle import ClassInfo, FileInfo
from service.domain.errors import Conflict, StalePrecondition
from service.domain.gates import Gate

MoveKind = Literal["promote", "rollback", "remove"]


@dataclass(frozen=True)
class Model:
    """A name under which versions are published. latest: the highest number given; that version may be deleted."""

    name: str
    created_at: datetime
    latest: int


@dataclass(frozen=True)
class Release:
    """What is to become a version. Publishing the same ONNX bytes of the same job again gives the same version.

    job_id: None for a file that came from elsewhere. files: by name, always with `student.onnx`; the bytes are in
    Artifacts. alias: moved to the version at once, if any. seal: 32 random bytes as text, which sign the ids of its
    predictions (service/domain/predictions.py); None where nobody made one.
    """

    model: str
    job_id: str | None
    dataset_sha256: str | None
    files: Mapping[str, FileInfo]
    classes: tuple[ClassInfo, ...]
    result: Mapping[str, Any] | None = None
    provenance: Mapping[str, str] = field(default_factory=dict[str, str])
    alias: str | None = None
    gates: tuple[Gate, ...] = ()
    created_by: str | None = None
    seal: str | None = None

    @property
    def onnx_sha256(self) -> str:
        """The hash that names the network."""
        return self.files["student.onnx"].sha256

    def promotion(self, version: int, *, by: str | None) -> Repoint | None:
        """Where the alias goes once the version has its number."""
        if self.alias is None:
            return None
        return Repoint(self.model, self.alias, version, by=by, reason="published")


@dataclass(frozen=True)
class Version:
    """One published network: `model@version`. Never changes. Fields as in :class:`Release`."""

    model: str
    version: int
    job_id: str | None
    dataset_sha256: str | None
    onnx_sha256: str
    files: Mapping[str, FileInfo]
    classes: tuple[ClassInfo, ...]
    result: Mapping[str, Any] | None
    provenance: Mapping[str, str]
    created_at: datetime
    gates: tuple[Gate, ...] = ()
    created_by: str | None = None
    seal: str | None = None

    @property
    def tag(self) -> str:
        """`street@3`."""
        return f"{self.model}@{self.version}"

    @classmethod
    def of(cls, release: Release, version: int, created_at: datetime) -> Version:
        """A release with the number that it got."""
        return cls(
            model=release.model,
            version=version,
            job_id=release.job_id,
            dataset_sha256=release.dataset_sha256,
            onnx_sha256=release.onnx_sha256,
            files=release.files,
            classes=release.classes,
            result=release.result,
            provenance=release.provenance,
            created_at=created_at,
            gates=release.gates,
            created_by=release.created_by,
            seal=release.seal,
        )


@dataclass(frozen=True)
class Alias:
    """A name that points to a version. revision: 1, and one more with each move; it is the ETag."""

    model: str
    alias: str
    version: int
    revision: int
    moved_at: datetime
    moved_by: str | None = None


@dataclass(frozen=True)
class AliasMove:
    """One line of an alias's history. from_version: None for the first. by: a key's id, or a job's.

    to_version: None where the alias was removed.
    """

    model: str
    alias: str
    revision: int
    kind: MoveKind
    from_version: int | None
    to_version: int | None
    at: datetime
    by: str | None = None
    reason: str | None = None

    @property
    def result(self) -> Alias | None:
        """The alias after this move; None if it is no more."""
        if self.to_version is None:
            return None
        return Alias(self.model, self.alias, self.to_version, self.revision, self.at, self.by)


@dataclass(frozen=True)
class Repoint:
    """The wish to point an alias to a version.

    version: None removes the alias. expected_revision: what the caller saw; 0 says that the alias must be new, None
    that it does not matter.
    """

    model: str
    alias: str
    version: int | None
    kind: MoveKind = "promote"
    expected_revision: int | None = None
    by: str | None = None
    reason: str | None = None

    def move(self, before: Alias | None, now: datetime, *, moves: int = 0) -> AliasMove | None:
        """The move to write, or None if the version is live already. Raises StalePrecondition.

        before: None where there is no such alias. moves: how many it has made, before it was removed too.
        """
        revision = before.revision if before is not None else 0
        check_revision(self.model, self.alias, revision, self.expected_revision)
        live = before.version if before is not None else None
        if live == self.version:
            return None
        number = max(revision, moves) + 1
        return AliasMove(self.model, self.alias, number, self.kind, live, self.version, now, self.by, self.reason)


def check_revision(model: str, alias: str, found: int, expected: int | None) -> None:
    """Raise StalePrecondition if the alias moved since the caller read it. expected: None says that it may have."""
    if expected not in (None, found):
        raise StalePrecondition(
            f'Alias "{alias}" of model "{model}" is at revision {found}; expected {expected}: '
            "read it again, then decide"
        )


def version_before(moves: Iterable[AliasMove]) -> int | None:
    """Where a rollback leads: each promotion puts a version on a stack, each rollback takes one off.

    moves: an alias's history, oldest first. So a second rollback goes one further back, and does not undo the first. An
    alias that was removed and made again starts anew.
    None: nothing is left to go back to.
    """
    stack: list[int] = []
    for move in moves:
        if move.to_version is None:
            stack.clear()
        elif move.kind == "rollback":
            stack.pop()
        else:
            stack.append(move.to_version)
    return stack[-2] if len(stack) > 1 else None


def refuse_while_named(model: str, version: int | None, aliases: Iterable[Alias]) -> None:
    """Raise Conflict if an alias points to what is to be deleted. version: None for the whole model."""
    named = [each for each in aliases if version in (None, each.version)]
    if named:
        first = named[0]
        what = f'Model "{model}"' if version is None else f"Version {model}@{version}"
        raise Conflict(
            f'{what} is in use: alias "{first.alias}" points to version {first.version}',
            hint="Point the alias elsewhere, or remove it, and delete then.",
        )
