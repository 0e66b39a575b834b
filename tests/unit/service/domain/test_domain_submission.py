from __future__ import annotations

from datetime import UTC, datetime

import pytest

from bpkd_core.errors import InvalidDataset, InvalidInput
from service.adapters.memory import MemoryDatasets, MemoryJobs, MemoryStore
from service.domain import datasets, lifecycle
from service.domain.datasets import Dataset, Findings
from service.domain.errors import Conflict
from service.domain.ports import Page
from service.domain.submission import draft_job, draft_retry, register, submit

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
NEW = Dataset("ds_1", "streets", "/data", NOW)
REQUEST = {"name": "fast", "metadata": {"team": "a"}, "student": {"arch": "ddrnet_23_nano"}}


def checked(*, ready: bool) -> Dataset:
    report = {"ok": ready, "findings": [{"code": "x"}]}
    return datasets.conclude(NEW, NOW, findings=Findings(ready, report, sha256="d" * 64))


def test_a_draft_takes_name_and_metadata_from_the_request() -> None:
    """They are said once and found in both places."""
    job = draft_job(REQUEST, checked(ready=True), job_id="job_1", now=NOW, created_by="key_1")
    assert (job.name, job.metadata, job.dataset_id, job.created_by) == ("fast", {"team": "a"}, "ds_1", "key_1")
    assert job.request == {**REQUEST, "dataset_sha256": "d" * 64}


def test_a_refused_dataset_cannot_be_trained_on_and_says_why() -> None:
    """Refused before hours of training, with the report at hand."""
    with pytest.raises(InvalidDataset) as refused:
        draft_job(REQUEST, checked(ready=False), job_id="job_1", now=NOW)
    assert refused.value.report == {"ok": False, "findings": [{"code": "x"}]}
    assert refused.value.param == "dataset"
    assert "/v1/datasets/ds_1/report" in (refused.value.hint or "")


def test_a_job_is_tied_to_the_files_that_were_validated() -> None:
    """Its trainer refuses others; whoever asks for others learns it now."""
    asked = {**REQUEST, "dataset_sha256": "d" * 64}
    assert draft_job(asked, checked(ready=True), job_id="job_1", now=NOW).request == asked
    with pytest.raises(InvalidInput, match=f"has the sha256 {'d' * 64}; expected {'e' * 64}"):
        draft_job({**REQUEST, "dataset_sha256": "e" * 64}, checked(ready=True), job_id="job_1", now=NOW)


def test_a_dataset_without_its_content_cannot_be_trained_on_yet() -> None:
    """Nobody validates what has not come."""
    with pytest.raises(Conflict, match="waits for its content"):
        draft_job(REQUEST, NEW.evolve(state="uploading"), job_id="job_1", now=NOW)


def test_a_dataset_in_validation_cannot_be_trained_on_yet() -> None:
    """It is the caller's turn to wait, not a worker's."""
    with pytest.raises(Conflict, match="still being validated"):
        draft_job(REQUEST, NEW, job_id="job_1", now=NOW)


def test_the_record_is_there_before_the_hint_goes_out() -> None:
    """A worker that is faster than the commit would find nothing and go back to sleep."""
    store = MemoryStore(lambda: NOW)
    jobs, sets = MemoryJobs(store), MemoryDatasets(store)
    seen: list[tuple[str, int]] = []

    class Looker:
        def hint(self, kind: str) -> None:
            seen.append((kind, len(sets.list(Page()).data) + len(jobs.list(Page()).data)))

    register(sets, Looker(), NEW)
    submit(jobs, Looker(), draft_job(REQUEST, checked(ready=True), job_id="job_1", now=NOW))
    assert seen == [("dataset", 1), ("job", 2)]


def test_a_retry_asks_for_the_same_and_names_the_job_that_it_goes_on_from() -> None:
    """Nothing has to be typed again, and the new job starts its own count of attempts."""
    request = {**REQUEST, "priority": 7, "teacher": {"type": "registered", "id": "tch_1"}}
    first = draft_job(request, checked(ready=True), job_id="job_1", now=NOW, created_by="key_1").evolve(attempt=3)
    ended = lifecycle.cancel(first, NOW).job
    again = draft_retry(ended, job_id="job_2", now=NOW, created_by="key_2")
    assert (again.retry_of, again.request, again.priority, again.teacher_id) == ("job_1", first.request, 7, "tch_1")
    assert (again.status, again.attempt, again.created_by) == ("queued", 1, "key_2")


def test_only_a_job_that_failed_or_was_cancelled_is_retried() -> None:
    """Two trainers of one job would do the same work twice."""
    waiting = draft_job(REQUEST, checked(ready=True), job_id="job_1", now=NOW)
    for status in ("queued", "running", "succeeded"):
        with pytest.raises(Conflict, match=status):
            draft_retry(waiting.evolve(status=status), job_id="job_2", now=NOW)
