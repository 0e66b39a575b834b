from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from fakes.bundle import leave_bundle
from fakes.records import add_job, event_types

from bpkd_core.errors import InvalidModel
from service.domain import work
from service.domain.errors import FenceLost
from service.domain.gates import Gate
from service.domain.jobs import Job
from service.domain.ports import Page
from service.wiring import Service
from worker.publication import keep_logs, publish, store

SPEC: dict[str, Any] = {"name": "streets", "provenance": {"job_id": "job_1"}}


def claim_job(service: Service, **request: Any) -> Job:
    add_job(service, **request)
    held = service.jobs.claim("worker-1", lease_s=60)
    assert held is not None
    return held


def nothing() -> None: ...


def test_every_file_is_kept_and_so_are_the_logs(service: Service, tmp_path: Path) -> None:
    """What a person may ask for later must not depend on the trainer's folder."""
    leave_bundle(tmp_path, SPEC, miou=0.5)
    (tmp_path / "run.log").write_text("step 1")
    (tmp_path / "stderr.log").touch()
    bundle, files = store(service.artifacts, tmp_path, beat=nothing)
    assert files.keys() == bundle.files.keys() | {"bundle.json"}
    logs = keep_logs(service.artifacts, tmp_path)
    assert logs.keys() == {"run.log"}
    assert service.artifacts.path(logs["run.log"].sha256).read_text() == "step 1"


def test_the_lease_is_renewed_while_files_are_copied(service: Service, tmp_path: Path) -> None:
    """A teacher of half a gigabyte on a slow disk takes longer than a heartbeat."""
    beats: list[None] = []
    bundle = leave_bundle(tmp_path, SPEC, miou=0.5)
    store(service.artifacts, tmp_path, beat=lambda: beats.append(None))
    assert len(beats) == len(bundle.files)


def test_a_file_that_differs_from_its_hash_is_not_published(service: Service, tmp_path: Path) -> None:
    """What was measured is what is served, or nothing is."""
    leave_bundle(tmp_path, SPEC, miou=0.5)
    (tmp_path / "student.onnx").write_bytes(b"other")
    with pytest.raises(InvalidModel, match=r"student\.onnx"):
        store(service.artifacts, tmp_path, beat=nothing)


def test_a_file_that_is_named_and_missing_is_no_fault_of_the_machine(service: Service, tmp_path: Path) -> None:
    """It must count against the job, or the job would wander from worker to worker for ever."""
    leave_bundle(tmp_path, SPEC, miou=0.5)
    (tmp_path / "teacher.onnx").unlink()
    with pytest.raises(InvalidModel, match=r"teacher\.onnx"):
        store(service.artifacts, tmp_path, beat=nothing)


def test_a_folder_without_a_bundle_is_no_finished_run(service: Service, tmp_path: Path) -> None:
    """Exit code 0 alone proves nothing."""
    with pytest.raises(InvalidModel, match=r"bundle\.json"):
        store(service.artifacts, tmp_path, beat=nothing)


def test_publishing_twice_makes_one_version(service: Service, tmp_path: Path) -> None:
    """The answer of the first write may be lost on the way, and then it is sent again (F8)."""
    held = claim_job(service, register={"model": "street", "alias_on_success": "live"})
    leave_bundle(tmp_path, SPEC, miou=0.5)
    bundle, files = store(service.artifacts, tmp_path, beat=nothing)
    first = publish(service.jobs, held, bundle, files)
    assert publish(service.jobs, held, bundle, files) == first
    assert len(service.models.versions("street", Page()).data) == 1
    assert event_types(service, held).count("done") == 1


def test_a_zombie_publishes_nothing(service: Service, tmp_path: Path) -> None:
    """Its student may be older than the one that its successor is about to publish (F6)."""
    held = claim_job(service, register={"model": "street"})
    work.give_back(service.jobs, held)
    service.jobs.claim("worker-2", lease_s=60)
    leave_bundle(tmp_path, SPEC, miou=0.5)
    bundle, files = store(service.artifacts, tmp_path, beat=nothing)
    with pytest.raises(FenceLost):
        publish(service.jobs, held, bundle, files)
    assert service.models.list(Page()).data == ()


def test_a_version_carries_its_lineage(service: Service, tmp_path: Path) -> None:
    """From a served mask back to the data: job, dataset, classes, result."""
    held = claim_job(service, register={"model": "street"})
    leave_bundle(tmp_path, SPEC, miou=0.5)
    bundle, files = store(service.artifacts, tmp_path, beat=nothing)
    publish(service.jobs, held, bundle, files)
    version = service.models.version("street", 1)
    assert (version.job_id, version.dataset_sha256) == (held.id, bundle.dataset_sha256)
    assert (version.classes, version.provenance) == (tuple(bundle.classes), bundle.provenance)
    assert version.result == bundle.result.model_dump(mode="json")


def test_a_student_that_is_not_good_enough_becomes_no_version(service: Service, tmp_path: Path) -> None:
    """And what it reached stays with the job, so that one can decide about the gate."""
    held = claim_job(service, register={"model": "street", "alias_on_success": "live", "gates": {"miou_min": 0.7}})
    leave_bundle(tmp_path, SPEC, miou=0.5)
    bundle, files = store(service.artifacts, tmp_path, beat=nothing)
    job = publish(service.jobs, held, bundle, files)
    assert (job.status, job.error and job.error["code"]) == ("failed", "gate_failed")
    assert job.error is not None
    assert job.error["message"] == "The student's mIoU is 0.5000, its gate asks for 0.7"
    assert job.result == bundle.result.model_dump(mode="json")
    assert job.files.keys() == files.keys()
    assert service.models.list(Page()).data == ()


def test_a_version_says_which_gates_it_passed(service: Service, tmp_path: Path) -> None:
    """With what was asked for and what was measured, for whoever promotes it."""
    held = claim_job(service, register={"model": "street", "gates": {"miou_min": 0.4}})
    leave_bundle(tmp_path, SPEC, miou=0.5)
    bundle, files = store(service.artifacts, tmp_path, beat=nothing)
    publish(service.jobs, held, bundle, files)
    assert service.models.version("street", 1).gates == (Gate("miou_min", 0.4, 0.5),)
