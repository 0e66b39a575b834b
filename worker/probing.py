"""The probe lane: claim a teacher, try it in a child process, write down what was found."""

from __future__ import annotations

import json
import logging
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from bpkd_core.bundle import write_atomically
from bpkd_core.errors import BpkdError
from service.domain import checks, teachers
from service.domain.ports import Artifacts, Datasets, Hints, Teachers
from service.domain.teachers import Teacher, TeacherMove
from worker.checking import LastWord
from worker.child import Child
from worker.lending import lend
from worker.patience import patiently
from worker.supervision import Ending, Limits, Reason, Supervision
from worker.workspace import close_workspace, open_workspace

log = logging.getLogger(__name__)

STDERR = "stderr.log"


@dataclass(frozen=True)
class Probing:
    """One teacher at a time, in a child process. command: to which `probe --spec F` is added.

    The child opens the file in another one that has little memory and little time (:mod:`bpkd_core.sandbox`).
    timeout_s: that time. As with a dataset, stopping it needs no grace.
    """

    teachers: Teachers
    datasets: Datasets
    artifacts: Artifacts
    hints: Hints
    root: Path
    command: Sequence[str]
    limits: Limits
    timeout_s: float

    def claim(self, owner: str) -> Teacher | None:
        """The oldest teacher that waits for its probe, now ours."""
        return self.teachers.claim(owner, lease_s=self.limits.lease_s)

    def work(self, teacher: Teacher, draining: Callable[[], bool]) -> None:
        """Probe a claimed teacher, until it is ready or refused, or waits again, or is somebody else's or nobody's."""
        folder = open_workspace(self.root, teacher.id, teacher.lease.fence)
        write_atomically(folder / "spec.json", json.dumps(self._spec(teacher, folder)).encode())
        heard = LastWord(lambda: self._change(teacher, partial(checks.beat, lease_s=self.limits.lease_s)))
        command = [*self.command, "probe", "--spec", str(folder / "spec.json")]
        with Child(command, folder=folder, log=folder / STDERR) as child:
            ending = Supervision(child, heard, draining=draining, limits=replace(self.limits, grace_s=0)).run()
        if ending.reason is not Reason.LOST:
            reason = ending.describe(folder / STDERR)
            patiently(lambda: self._conclude(teacher, heard.said, ending, reason), for_s=self.limits.lease_s)
            close_workspace(self.root, teacher.id)
        else:  # deleted, or another worker's, who has a folder beside this one
            shutil.rmtree(folder, ignore_errors=True)

    def give_back(self, teacher: Teacher, reason: str) -> None:
        """Another attempt, unless it was the third."""
        self._change(teacher, partial(checks.recover, reason=reason))
        self.hints.hint("teacher")

    def hand_on(self, teacher: Teacher) -> None:
        """Let it wait for another worker."""
        self._change(teacher, checks.give_back)
        self.hints.hint("teacher")

    def _spec(self, teacher: Teacher, folder: Path) -> dict[str, Any]:
        """A :class:`bpkd_core.spec.probing.ProbeSpec` as JSON."""
        dataset = self.datasets.get(teacher.dataset_id)
        place = {"dataset": dataset.path, "layout": dataset.layout}
        return {**place, "teacher": lend(self.artifacts, teacher, folder), "timeout_s": self.timeout_s}

    def _conclude(self, teacher: Teacher, said: Mapping[str, Any], ending: Ending, reason: str) -> None:
        if ending.reason is Reason.DRAINED:
            self.hand_on(teacher)
        elif said.get("type") == "error":
            self._change(teacher, partial(checks.refuse, error=BpkdError.from_dict(said)))
        elif "reading" in said:
            self._change(teacher, partial(teachers.conclude, probe=said))
        else:
            self.give_back(teacher, reason)

    def _change(self, teacher: Teacher, move: TeacherMove) -> Teacher:
        return self.teachers.change(teacher.id, move, fence=teacher.lease.fence)
