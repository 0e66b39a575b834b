"""A dataset as a value, and its moves: from a folder or an archive, validated by a worker, then ready or refused.

Those of its validation that every check has are in :mod:`service.domain.checks`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Literal

from bpkd_core.bundle import ClassInfo, FileInfo
from bpkd_core.spec.labels import LabelSource
from service.domain.errors import Conflict
from service.domain.leases import Lease

NAMED = 5
"""So many of those that use a dataset are named when it cannot be deleted."""
State = Literal["uploading", "validating", "ready", "refused"]

CHECKED = frozenset({"ready", "refused"})
"""The states, of a teacher too, in which nobody looks at its files any more."""


@dataclass(frozen=True)
class Overlay:
    """A picture of one image under the colours of its mask. name, split: of the image."""

    name: str
    split: str
    file: FileInfo


@dataclass(frozen=True)
class Dataset:
    """Images and masks under a path of the server.

    uploaded: its files came as an archive, and lie where the server put them. layout: a name of the catalog, or "auto".
    labels: what its jobs will learn from, which says whether images may lack their masks. report: the validation report
    as JSON, once there is one. sha256: the fingerprint of names and contents. splits: split -> number of images.
    attempt: 1, and one more after each validation that died. error: why no report could be made. checked_at: when it
    became ready or was refused. samples: pictures, made by the validation. deleted_at: when it went; only the jobs that
    ended on it still know its record.
    """

    id: str
    name: str
    path: str
    created_at: datetime
    created_by: str | None = None
    layout: str = "auto"
    labels: LabelSource = "dataset"
    metadata: Mapping[str, str] = field(default_factory=dict[str, str])
    state: State = "validating"
    report: Mapping[str, Any] | None = None
    sha256: str | None = None
    classes: tuple[ClassInfo, ...] = ()
    splits: Mapping[str, int] = field(default_factory=dict[str, int])
    attempt: int = 1
    error: Mapping[str, Any] | None = None
    checked_at: datetime | None = None
    uploaded: bool = False
    samples: tuple[Overlay, ...] = ()
    deleted_at: datetime | None = None
    lease: Lease = field(default_factory=Lease)

    def evolve(self, **changes: Any) -> Dataset:
        """The same dataset with some fields changed."""
        return replace(self, **changes)

    @property
    def waits(self) -> bool:
        """Whether a worker may take it to validate it."""
        return self.state == "validating" and self.lease.owner is None and self.deleted_at is None

    @property
    def lacks_masks(self) -> bool:
        """Whether the report counts images without a mask, which only a teacher can label."""
        found = (self.report or {}).get("findings", [])
        return any(each["code"] == "unlabelled_images" for each in found)


@dataclass(frozen=True)
class Findings:
    """What a validation found out. ready: whether the dataset can be trained on."""

    ready: bool
    report: Mapping[str, Any]
    sha256: str | None = None
    classes: tuple[ClassInfo, ...] = ()
    splits: Mapping[str, int] = field(default_factory=dict[str, int])
    samples: tuple[Overlay, ...] = ()


DatasetMove = Callable[[Dataset, datetime], Dataset]


def require_wait_for_content(dataset: Dataset) -> None:
    """Raise Conflict unless the dataset waits for the archive that is its content."""
    if dataset.state != "uploading":
        raise Conflict(
            f"Dataset {dataset.id} is {dataset.state} and takes no content; expected one that was made without a path",
            hint="Content never changes: make another dataset for other files.",
        )


def accept(dataset: Dataset, _now: datetime) -> Dataset:
    """All of the content has come: it waits for its validation."""
    require_wait_for_content(dataset)
    return dataset.evolve(state="validating")


def delete(dataset: Dataset, now: datetime) -> Dataset:
    """Forget it and its pictures. Whoever validates it loses the claim."""
    return dataset.evolve(deleted_at=now, samples=(), lease=dataset.lease.release())


def in_use(dataset_id: str, by: Sequence[str]) -> Conflict:
    """Why a dataset cannot be deleted. by: what refers to it."""
    return Conflict(
        f"Dataset {dataset_id} is used by {', '.join(by)}; expected nothing that still needs it",
        hint="Cancel the jobs, or wait for their end; what a model version learned from stays.",
    )


def conclude(dataset: Dataset, now: datetime, *, findings: Findings) -> Dataset:
    """The validation is through: ready, or refused for good."""
    return dataset.evolve(
        state="ready" if findings.ready else "refused",
        report=findings.report,
        sha256=findings.sha256,
        classes=findings.classes,
        splits=findings.splits,
        samples=findings.samples,
        checked_at=now,
        lease=dataset.lease.release(),
    )
