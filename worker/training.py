"""The train lane: claim a job, supervise its trainer, publish what it leaves."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bpkd_core.bundle import write_atomically
from bpkd_core.events import Event
from bpkd_core.spec import DistillSpec
from service.domain import work
from service.domain.errors import Unavailable
from service.domain.jobs import NOTHING, Job, Remains
from service.domain.ports import Artifacts, Datasets, Hints, Jobs, Teachers
from worker.child import Child
from worker.journal import Journal
from worker.lending import lend
from worker.patience import patiently
from worker.publication import keep_logs, keep_weights, publish, store
from worker.relay import Relay
from worker.sinks import Mirrors, OpenSink, mirrored
from worker.supervision import Ending, Limits, Reason, Supervision
from worker.workspace import close_workspace, newest_run, open_workspace

log = logging.getLogger(__name__)

STDERR = "stderr.log"
GONE = "The folder of {} is not on this worker any more, so this job begins at the first step"


@dataclass(frozen=True)
class Training:
    """One job at a time, in a child process. command: the trainer, to which `distill --spec F --workdir D` is added."""

    jobs: Jobs
    datasets: Datasets
    teachers: Teachers
    artifacts: Artifacts
    hints: Hints
    root: Path
    command: Sequence[str]
    limits: Limits
    sinks: Mapping[str, OpenSink] = field(default_factory=dict[str, OpenSink])

    def claim(self, owner: str) -> Job | None:
        """The oldest queued job, now ours."""
        return self.jobs.claim(owner, lease_s=self.limits.lease_s)

    def work(self, job: Job, draining: Callable[[], bool]) -> None:
        """Do a claimed job, until it has ended, or is back in the queue, or is somebody else's."""
        with mirrored(self.sinks, job) as mirrors:
            self._attempt(job, draining, mirrors)
            with suppress(Unavailable):
                mirrors.end(self.jobs.get(job.id))

    def _attempt(self, job: Job, draining: Callable[[], bool], mirrors: Mirrors) -> None:
        def write(event: Event) -> None:
            journal.write(event)
            for warning in mirrors.hear(event):
                relay.tell(warning)

        seed = newest_run(self.root, job.retry_of) if job.retry_of else None
        folder = open_workspace(self.root, job.id, job.lease.fence, seed=seed)
        journal = Journal(folder, folder / STDERR)
        relay = Relay(self.jobs, job, folder, keep=self.artifacts.keep, lease_s=self.limits.lease_s, write=write)
        if job.retry_of and seed is None and job.lease.fence == 1:
            relay.tell(Event("warning", {"code": "nothing_to_resume", "message": GONE.format(job.retry_of)}))
        ending = self._train(job, folder, relay, draining)
        log.info("trainer of %s: %s, exit code %d", job.id, ending.reason, ending.code)
        if ending.reason is not Reason.LOST:
            journal.close("the run is complete" if ending.code == 0 else ending.describe(folder / STDERR))
            patiently(lambda: self._conclude(job, folder, relay, journal, ending), for_s=self.limits.lease_s)

    def give_back(self, job: Job, reason: str, remains: Remains = NOTHING) -> None:
        """Another attempt, unless three in a row brought no checkpoint."""
        work.recover(self.jobs, job, reason, remains)
        self.hints.hint("job")

    def hand_on(self, job: Job) -> None:
        """Back to the queue, as if it had waited there all the time."""
        work.give_back(self.jobs, job)
        self.hints.hint("job")

    def _train(self, job: Job, folder: Path, relay: Relay, draining: Callable[[], bool]) -> Ending:
        spec = folder / "spec.json"
        write_atomically(spec, json.dumps(self._spec(job, folder)).encode())
        command = [*self.command, "distill", "--spec", str(spec), "--workdir", str(folder)]
        with Child(command, folder=folder, log=folder / STDERR) as child:
            return Supervision(child, relay, draining=draining, limits=self.limits).run()

    def _spec(self, job: Job, folder: Path) -> dict[str, Any]:
        """The request without what only the service understands: ids become places, a registered teacher its file."""
        shared = {field: job.request[field] for field in DistillSpec.model_fields if field in job.request}
        dataset = self.datasets.get(job.dataset_id)
        place = {"dataset": dataset.path, "layout": dataset.layout}
        origin = {"job_id": job.id, "dataset_id": job.dataset_id}
        if job.teacher_id is not None:
            shared["teacher"] = lend(self.artifacts, self.teachers.get(job.teacher_id), folder)
            origin["teacher_id"] = job.teacher_id
        return shared | place | {"provenance": origin}

    def _conclude(self, job: Job, folder: Path, relay: Relay, journal: Journal, ending: Ending) -> None:
        relay.beat()
        match ending:
            case Ending(code=0):
                self._publish(job, folder, relay, journal)
            case Ending(reason=Reason.CANCELLED):
                work.stop(self.jobs, job, self._remains(folder, journal))
            case Ending(reason=Reason.DRAINED):
                self.hand_on(job)
            case Ending(reason=Reason.ENDED) if relay.error is not None and not relay.error.retryable:
                work.fail(self.jobs, job, relay.error, self._remains(folder, journal))
            case _:
                self.give_back(job, ending.describe(folder / STDERR), self._remains(folder, journal))

    def _remains(self, folder: Path, journal: Journal) -> Remains:
        """What is worth keeping of a run that did not succeed: its logs, and the best weights so far."""
        return Remains(keep_logs(self.artifacts, folder) | keep_weights(self.artifacts, folder), journal.tail())

    def _publish(self, job: Job, folder: Path, relay: Relay, journal: Journal) -> None:
        stage, started = "registering", time.monotonic()
        relay.tell(Event("stage", {"stage": stage, "state": "started"}))
        bundle, files = store(self.artifacts, folder, beat=relay.beat)
        duration_s = round(time.monotonic() - started, 3)
        relay.tell(Event("stage", {"stage": stage, "state": "finished", "duration_s": duration_s}))
        relay.beat()
        publish(self.jobs, job, bundle, {**files, **keep_logs(self.artifacts, folder)}, journal.tail())
        close_workspace(self.root, job.id)
