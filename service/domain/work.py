"""What the holder of a claim may do with it. Each call says who holds it by the record that the claim returned.

FenceLost means: stop the child and write nothing; the work is somebody else's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from bpkd_core.bundle import FileInfo
from bpkd_core.errors import BpkdError
from bpkd_core.events import Event
from service.domain import checks, lifecycle
from service.domain.datasets import Dataset, DatasetMove, Findings, conclude
from service.domain.errors import FenceLost
from service.domain.jobs import NOTHING, Job, Remains, Status
from service.domain.leases import LEASE_S
from service.domain.lifecycle import Move
from service.domain.models import Release
from service.domain.ports import Datasets, Jobs


def beat(jobs: Jobs, held: Job, events: Sequence[Event] = (), *, lease_s: float = LEASE_S) -> Job:
    """Renew the lease and tell what the trainer said. The answer's `cancel_requested` is the wish to stop."""
    return jobs.change(held.id, partial(lifecycle.beat, lease_s=lease_s, events=tuple(events)), fence=held.lease.fence)


def succeed(
    jobs: Jobs,
    held: Job,
    *,
    result: Mapping[str, Any],
    files: Mapping[str, FileInfo],
    release: Release | None = None,
) -> Job:
    """End the job well; version, alias, job and events become visible in one transaction. Safe to repeat."""
    return _end(jobs, held, partial(lifecycle.succeed, result=result, files=files, release=release), "succeeded")


def fail(jobs: Jobs, held: Job, error: BpkdError, remains: Remains = NOTHING) -> Job:
    """End the job badly. Safe to repeat."""
    return _end(jobs, held, partial(lifecycle.fail, error=error, remains=remains), "failed")


def stop(jobs: Jobs, held: Job, remains: Remains = NOTHING) -> Job:
    """The trainer has stopped because the job was cancelled. Safe to repeat."""
    return _end(jobs, held, partial(lifecycle.stop, remains=remains), "cancelled")


def give_back(jobs: Jobs, held: Job) -> Job:
    """Back to the queue without counting an attempt: this worker shuts down."""
    return jobs.change(held.id, lifecycle.give_back, fence=held.lease.fence)


def recover(jobs: Jobs, held: Job, reason: str, remains: Remains = NOTHING) -> Job:
    """Back to the queue with an attempt counted: the trainer died. The third without a new checkpoint fails the job."""
    move = partial(lifecycle.recover, reason=reason, remains=remains)
    return jobs.change(held.id, move, fence=held.lease.fence)


def _end(jobs: Jobs, held: Job, move: Move, status: Status) -> Job:
    """A terminal move whose answer may have been lost on the way: finding it done by this very fence is success."""
    try:
        return jobs.change(held.id, move, fence=held.lease.fence)
    except FenceLost:
        job = jobs.get(held.id)
        if job.status == status and job.lease.fence == held.lease.fence:
            return job
        raise


def beat_check(datasets: Datasets, held: Dataset, *, lease_s: float = LEASE_S) -> Dataset:
    """Renew the lease on a validation."""
    return _change(datasets, held, partial(checks.beat, lease_s=lease_s))


def conclude_check(datasets: Datasets, held: Dataset, findings: Findings) -> Dataset:
    """Write what the validation found: the dataset is ready, or refused."""
    return _change(datasets, held, partial(conclude, findings=findings))


def refuse_check(datasets: Datasets, held: Dataset, error: BpkdError) -> Dataset:
    """The validation ended with an error of its own; the dataset is refused."""
    return _change(datasets, held, partial(checks.refuse, error=error))


def give_back_check(datasets: Datasets, held: Dataset) -> Dataset:
    """Let another worker validate: this one shuts down."""
    return _change(datasets, held, checks.give_back)


def recover_check(datasets: Datasets, held: Dataset, reason: str) -> Dataset:
    """The validating child died: another attempt, or refused after the third."""
    return _change(datasets, held, partial(checks.recover, reason=reason))


def _change(datasets: Datasets, held: Dataset, move: DatasetMove) -> Dataset:
    return datasets.change(held.id, move, fence=held.lease.fence)
