"""The check lane: claim a dataset, validate it in a child process, write down what was found."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, cast

from pydantic import ValidationError

from bpkd_core.bundle import ClassInfo
from bpkd_core.errors import BpkdError
from service.domain import work
from service.domain.datasets import Dataset, Findings, Overlay
from service.domain.ports import Artifacts, DatasetFolders, Datasets, Hints
from worker.child import Child
from worker.patience import patiently
from worker.supervision import Ending, Limits, Reason, Supervision
from worker.workspace import close_workspace, open_workspace

log = logging.getLogger(__name__)

STDERR, SAMPLES = "stderr.log", "samples"
INDEX = "index.json"  # as bpkd_core.data.samples writes it
MOST_SAMPLES = 100
MEMORY_MIB = 4096
"""What an image of 64 million pixels and its mask take, and counting their values."""


@dataclass(frozen=True)
class Checking:
    """One dataset at a time, in a child process of little memory. command: to which `check ... -- PATH` is added.

    A child, because a hostile file may take the decoder down, and the process with it. Stopping it needs no grace: what
    it has unpacked by then is thrown away.
    """

    datasets: Datasets
    folders: DatasetFolders
    artifacts: Artifacts
    hints: Hints
    root: Path
    command: Sequence[str]
    limits: Limits

    def claim(self, owner: str) -> Dataset | None:
        """The oldest dataset that waits for its validation, now ours."""
        return self.datasets.claim(owner, lease_s=self.limits.lease_s)

    def work(self, dataset: Dataset, draining: Callable[[], bool]) -> None:
        """Validate a claimed dataset, until it is ready or refused, or waits again, or is somebody else's."""
        folder = open_workspace(self.root, dataset.id, dataset.lease.fence)
        said = LastWord(partial(work.beat_check, self.datasets, dataset, lease_s=self.limits.lease_s))
        with Child(self._command(dataset), folder=folder, log=folder / STDERR) as child:
            ending = Supervision(child, said, draining=draining, limits=replace(self.limits, grace_s=0)).run()
        if ending.reason is not Reason.LOST:
            patiently(lambda: self._conclude(dataset, said.said, ending, folder), for_s=self.limits.lease_s)
            close_workspace(self.root, dataset.id)

    def give_back(self, dataset: Dataset, reason: str) -> None:
        """Another attempt, unless it was the third."""
        work.recover_check(self.datasets, dataset, reason)
        self.hints.hint("dataset")

    def hand_on(self, dataset: Dataset) -> None:
        """Let it wait for another worker."""
        work.give_back_check(self.datasets, dataset)
        self.hints.hint("dataset")

    def _command(self, dataset: Dataset) -> list[str]:
        """What the child does: unpack what was uploaded and has not been unpacked yet, check it, draw it."""
        asked = ["--layout", dataset.layout, "--labels", dataset.labels, "--samples", SAMPLES]
        if dataset.uploaded and not Path(dataset.path).exists():
            asked += ["--archive", str(self.folders.archive(dataset.id))]
        return [*self.command, "check", *asked, "--memory-mib", str(MEMORY_MIB), "--", dataset.path]

    def _conclude(self, dataset: Dataset, said: Mapping[str, Any], ending: Ending, folder: Path) -> None:
        if ending.reason is Reason.DRAINED:
            self.hand_on(dataset)
        elif said.get("type") == "error":
            self._fail(dataset, BpkdError.from_dict(said))
        elif (findings := read_findings(said)) is not None:
            samples = keep_samples(self.artifacts, folder / SAMPLES)
            work.conclude_check(self.datasets, dataset, replace(findings, samples=samples))
            self.folders.archive(dataset.id).unlink(missing_ok=True)
        else:
            self.give_back(dataset, ending.describe(folder / STDERR))

    def _fail(self, dataset: Dataset, error: BpkdError) -> None:
        """The check could not be made: the dataset is refused, unless it was no fault of its own."""
        if error.retryable:
            self.give_back(dataset, error.message)
        else:
            work.refuse_check(self.datasets, dataset, error)


class LastWord:
    """The listener of a check: of all that is said on the way, the last JSON object is what was found."""

    def __init__(self, renew: Callable[[], object]) -> None:
        self.said: Mapping[str, Any] = {}
        self.news = False
        self._renew = renew

    def hear(self, line: str) -> None:
        """Keep it if it is a JSON object."""
        try:
            said: Any = json.loads(line)
        except (ValueError, RecursionError):
            return
        if isinstance(said, dict):
            self.said = cast("dict[str, Any]", said)

    def beat(self) -> bool:
        """Renew the lease; nobody can cancel a check."""
        self._renew()
        return False


def read_findings(report: Mapping[str, Any]) -> Findings | None:
    """What a validation report (:class:`bpkd_core.data.report.Report` as JSON) says; None if it is none."""
    try:
        return Findings(
            ready=report["ok"] is True,
            report=report,
            sha256=report["sha256"] or None,
            classes=tuple(ClassInfo(id=c["id"], name=c["name"], color=c["color"]) for c in report["classes"]),
            splits={split["name"]: split["images"] for split in report["splits"]},
        )
    except (KeyError, TypeError, ValidationError):
        return None


def keep_samples(artifacts: Artifacts, folder: Path) -> tuple[Overlay, ...]:
    """Store the pictures that a check has drawn; none where it was cut off before. Safe to repeat."""
    index = folder / INDEX
    if not index.is_file():
        return ()
    listed = json.loads(index.read_bytes())[:MOST_SAMPLES]
    files = [artifacts.keep(folder / Path(each["file"]).name) for each in listed]
    return tuple(Overlay(each["name"], each["split"], file) for each, file in zip(listed, files, strict=True))
