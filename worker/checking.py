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
from service.domain.datasets import Dataset, Findings
from service.domain.ports import Datasets, Hints
from worker.child import Child
from worker.patience import patiently
from worker.supervision import Ending, Limits, Reason, Supervision
from worker.workspace import close_workspace, open_workspace

log = logging.getLogger(__name__)

STDERR = "stderr.log"


@dataclass(frozen=True)
class Checking:
    """One dataset at a time, in a child process. command: to which `check --layout L --labels S -- PATH` is added.

    A child, because a hostile image may take the decoder down, and the process with it. Stopping it needs no grace: it
    has nothing to save.
    """

    datasets: Datasets
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
        findings = LastWord(partial(work.beat_check, self.datasets, dataset, lease_s=self.limits.lease_s))
        asked = ["--layout", dataset.layout, "--labels", dataset.labels]
        command = [*self.command, "check", *asked, "--", dataset.path]
        with Child(command, folder=folder, log=folder / STDERR) as child:
            ending = Supervision(child, findings, draining=draining, limits=replace(self.limits, grace_s=0)).run()
        if ending.reason is not Reason.LOST:
            reason = ending.describe(folder / STDERR)
            patiently(lambda: self._conclude(dataset, findings.said, ending, reason), for_s=self.limits.lease_s)
            close_workspace(self.root, dataset.id)

    def give_back(self, dataset: Dataset, reason: str) -> None:
        """Another attempt, unless it was the third."""
        work.recover_check(self.datasets, dataset, reason)
        self.hints.hint("dataset")

    def hand_on(self, dataset: Dataset) -> None:
        """Let it wait for another worker."""
        work.give_back_check(self.datasets, dataset)
        self.hints.hint("dataset")

    def _conclude(self, dataset: Dataset, said: Mapping[str, Any], ending: Ending, reason: str) -> None:
        if ending.reason is Reason.DRAINED:
            self.hand_on(dataset)
        elif said.get("type") == "error":
            work.refuse_check(self.datasets, dataset, BpkdError.from_dict(said))
        elif (findings := read_findings(said)) is not None:
            work.conclude_check(self.datasets, dataset, findings)
        else:
            self.give_back(dataset, reason)


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
