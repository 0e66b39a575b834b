"""The registry's values: versions never change, aliases move, and every move is kept."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from bpkd_core.bundle import ClassInfo, FileInfo
from service.domain.errors import StalePrecondition

MoveKind = Literal["promote", "rollback"]


@dataclass(frozen=True)
class Model:
    """A name under which versions are published. latest: the highest version's number."""

    name: str
    created_at: datetime
    latest: int


@dataclass(frozen=True)
class Release:
    """What is to become a version. Publishing the same ONNX bytes of the same job again gives the same version.

    files: by name, always with `student.onnx`; the bytes are in Artifacts. alias: moved to the version at once, if any.
    """

    model: str
    job_id: str
    dataset_sha256: str
    files: Mapping[str, FileInfo]
    classes: tuple[ClassInfo, ...]
    result: Mapping[str, Any] | None = None
    provenance: Mapping[str, str] = field(default_factory=dict[str, str])
    alias: str | None = None

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
    """One published network: `model@version`. Never changes."""

    model: str
    version: int
    job_id: str
    dataset_sha256: str
    onnx_sha256: str
    files: Mapping[str, FileInfo]
    classes: tuple[ClassInfo, ...]
    result: Mapping[str, Any] | None
    provenance: Mapping[str, str]
    created_at: datetime

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
    """One line of an alias's history. from_version: None for the first. by: a key's id, or a job's."""

    model: str
    alias: str
    revision: int
    kind: MoveKind
    from_version: int | None
    to_version: int
    at: datetime
    by: str | None = None
    reason: str | None = None

    @property
    def result(self) -> Alias:
        """The alias after this move."""
        return Alias(self.model, self.alias, self.to_version, self.revision, self.at, self.by)


@dataclass(frozen=True)
class Repoint:
    """The wish to point an alias to a version.

    expected_revision: what the caller saw; 0 says that the alias must be new, None that it does not matter.
    """

    model: str
    alias: str
    version: int
    kind: MoveKind = "promote"
    expected_revision: int | None = None
    by: str | None = None
    reason: str | None = None

    def move(self, before: Alias | None, now: datetime) -> AliasMove | None:
        """The move to write, or None if the version is live already. Raises StalePrecondition."""
        revision = before.revision if before is not None else 0
        check_revision(self.model, self.alias, revision, self.expected_revision)
        if before is not None and before.version == self.version:
            return None
        from_version = before.version if before is not None else None
        return AliasMove(
            self.model, self.alias, revision + 1, self.kind, from_version, self.version, now, self.by, self.reason
        )


def check_revision(model: str, alias: str, found: int, expected: int | None) -> None:
    """Raise StalePrecondition if the alias moved since the caller read it. expected: None says that it may have."""
    if expected not in (None, found):
        raise StalePrecondition(
            f'Alias "{alias}" of model "{model}" is at revision {found}; expected {expected}: '
            "read it again, then decide"
        )


def version_before(moves: Iterable[AliasMove]) -> int | None:
    """Where a rollback leads: each promotion puts a version on a stack, each rollback takes one off.

    moves: an alias's history, oldest first. So a second rollback goes one further back, and does not undo the first.
    None: nothing is left to go back to.
    """
    stack: list[int] = []
    for move in moves:
        if move.kind == "rollback":
            stack.pop()
        else:
            stack.append(move.to_version)
    return stack[-2] if len(stack) > 1 else None
