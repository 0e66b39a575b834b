from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from bpkd_core.bundle import FileInfo
from bpkd_core.errors import Diverged
from bpkd_core.events import Event
from service.domain import lifecycle
from service.domain.errors import Conflict
from service.domain.jobs import TERMINAL, Job, Remains
from service.domain.models import Release, Version

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
LATER = NOW + timedelta(seconds=10)
QUEUED = Job("job_1", "streets", {}, "ds_1", NOW)
RUNNING = lifecycle.claim(QUEUED, NOW, owner="w1", lease_s=60).job
CANCELLING = lifecycle.cancel(RUNNING, NOW).job
FILES = {"student.onnx": FileInfo(sha256="a" * 64, size=3)}
RELEASE = Release("street", "job_1", "d" * 64, FILES, ())


def told(change: lifecycle.Change) -> list[tuple[str, object]]:
    return [(note.type, note.data.get("status") or note.data.get("code")) for note in change.notes]


def test_only_a_queued_job_can_be_claimed() -> None:
    """A store that offers another one has a bug, which must not become a second run."""
    for job in (RUNNING, lifecycle.fail(RUNNING, NOW, error=Diverged("x")).job):
        with pytest.raises(Conflict):
            lifecycle.claim(job, NOW, owner="w2", lease_s=60)


def test_a_second_claim_keeps_the_first_start() -> None:
    """`started_at` is when the caller's waiting ended, not when the last worker came."""
    again = lifecycle.claim(lifecycle.give_back(RUNNING, NOW).job, LATER, owner="w2", lease_s=60).job
    assert (again.started_at, again.worker, again.lease.fence) == (NOW, "w2", 2)


def test_every_end_releases_the_job_and_says_done_last() -> None:
    """A reader of events waits for `done`; the reaper must not touch what has ended."""
    ends = {
        "succeeded": lifecycle.succeed(RUNNING, LATER, result={}, files=FILES, release=None),
        "failed": lifecycle.fail(RUNNING, LATER, error=Diverged("x")),
        "cancelled": lifecycle.stop(CANCELLING, LATER),
    }
    assert ends.keys() == TERMINAL
    for status, change in ends.items():
        assert told(change)[-2:] == [("status", status), ("done", status)]
        assert (change.job.finished_at, change.job.lease.owner, change.job.lease.until) == (LATER, None, None)
        assert change.job.ended


def test_a_failed_job_keeps_the_stage_it_failed_in_and_its_files() -> None:
    """What went wrong is looked for there."""
    job = lifecycle.beat(
        RUNNING, NOW, lease_s=60, events=[Event("stage", {"stage": "exporting", "state": "started"})]
    ).job
    failed = lifecycle.fail(job, LATER, error=Diverged("x", hint="lower lr"), remains=Remains(FILES, "step 7\n")).job
    assert (failed.stage, failed.files) == ("exporting", FILES)
    assert failed.error == {**Diverged("x", hint="lower lr").to_dict(), "log_tail": "step 7\n"}


def test_a_job_whose_worker_died_in_silence_still_says_how_it_ended() -> None:
    """The reaper has no log at hand, but it knows why it took the job back."""
    job = RUNNING
    for _ in range(3):
        job = lifecycle.recover(job, LATER, reason="its lease ran out").job
    assert job.error is not None
    assert "its lease ran out" in job.error["log_tail"]


def test_a_lost_attempt_says_why() -> None:
    """The next reader of the events finds out what happened at three in the morning."""
    change = lifecycle.recover(RUNNING, LATER, reason="killed by signal 9")
    assert told(change) == [("warning", "attempt_lost"), ("status", "queued")]
    assert "killed by signal 9" in change.notes[0].data["message"]


def test_a_wish_to_stop_turns_every_way_back_into_the_queue_into_an_end() -> None:
    """A cancelled job must not start again because its worker went away."""
    assert lifecycle.give_back(CANCELLING, LATER).job.status == "cancelled"
    assert lifecycle.recover(CANCELLING, LATER, reason="died").job.status == "cancelled"


def test_cancelling_an_ended_job_is_no_change() -> None:
    """Not even a note: a repeated cancel is invisible."""
    ended = lifecycle.stop(CANCELLING, LATER).job
    assert lifecycle.cancel(ended, LATER) == lifecycle.Change(ended)


def test_the_number_of_the_version_reaches_the_job_and_its_last_event() -> None:
    """Who waits for `done` learns there which model to ask."""
    change = lifecycle.succeed(RUNNING, LATER, result={"miou": 0.7}, files=FILES, release=RELEASE)
    published = change.published(Version.of(RELEASE, 4, LATER))
    assert (published.job.model, published.job.version) == ("street", 4)
    assert published.notes[-1].data == {"status": "succeeded", "error": None, "model": "street", "version": 4}
    assert published.notes[:-1] == change.notes[:-1]
