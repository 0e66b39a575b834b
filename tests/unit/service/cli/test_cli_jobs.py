"""What a job has left, from the command line, and how one goes on from it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from bpkd_command import Bpkd
from fakes.records import add_ready_dataset

from bpkd_core.errors import Diverged
from bpkd_core.events import Event
from service.domain import work
from service.domain.jobs import Job, Remains
from service.wiring import Service

PICTURE = b"\x89PNG of step 5"


@pytest.fixture
def failed(url: str, bpkd: Bpkd, service: Service, tmp_path: Path) -> Job:
    """A job whose loss diverged after a checkpoint and a picture."""
    assert url
    (tmp_path / "job.yaml").write_text(
        f"{{dataset: {add_ready_dataset(service).id}, student: {{arch: ddrnet_23_nano}}}}"
    )
    assert bpkd("jobs", "submit", "job.yaml").code == 0
    held = service.jobs.claim("worker-1", lease_s=60)
    assert held is not None
    preview = service.artifacts.keep_bytes(PICTURE).model_dump()
    at = {"stage": "training_student", "step": 5}
    events = [Event("checkpoint", {**at, "sha256": "a" * 64, "size": 2_000_000}), Event("preview", {**at, **preview})]
    held = work.beat(service.jobs, held, events)
    log = service.artifacts.keep_bytes(b"first line\nthe loss is NaN\n")
    remains = Remains({"trainer.log": log}, "the loss is NaN\n")
    return work.fail(service.jobs, held, Diverged("It diverged", hint="Lower train.lr."), remains)


def test_a_failed_job_is_looked_into(bpkd: Bpkd, failed: Job, tmp_path: Path) -> None:
    # everything that one asks in the morning, without a browser
    shown = bpkd("jobs", "show", failed.id).out
    assert "Lower train.lr." in shown
    assert shown.rstrip().endswith("the loss is NaN")
    assert bpkd("jobs", "logs", failed.id).out == "first line\nthe loss is NaN\n"
    assert bpkd("jobs", "logs", failed.id, "--tail", "1").out == "the loss is NaN\n"
    assert "2.0 MB" in bpkd("jobs", "checkpoints", failed.id).out
    assert bpkd("jobs", "previews", failed.id, "--out", "seen").out == "seen holds the pictures: 1\n"
    assert (tmp_path / "seen" / "training_student-00000005.png").read_bytes() == PICTURE


def test_a_failed_job_is_gone_on_with_and_repeated_and_compared(bpkd: Bpkd, failed: Job, tmp_path: Path) -> None:
    # the three things that one does about it
    again = bpkd("jobs", "retry", failed.id, "--json").json
    assert again["retry_of"] == failed.id
    repeated = bpkd("jobs", "repeat", failed.id, "--name", "again", "--json").json
    assert (repeated["name"], repeated["retry_of"]) == ("again", None)
    (tmp_path / "manifest.json").write_text(json.dumps({"spec": {}}))
    assert bpkd("jobs", "repeat", "manifest.json").code == 1
    diff = bpkd("jobs", "diff", failed.id, repeated["id"], "--json").json
    assert [each["path"] for each in diff["differences"]] == ["status", "error"]
    assert "status" in bpkd("jobs", "diff", failed.id, repeated["id"]).out
    assert bpkd("jobs", "diff", failed.id, failed.id).out == "They differ in nothing.\n"


def test_jobs_are_found_by_name_and_metadata(bpkd: Bpkd, failed: Job) -> None:
    # the same filters as over HTTP
    assert failed.id in bpkd("jobs", "list", "--name", "dist").out
    assert failed.id not in bpkd("jobs", "list", "--name", "street").out
    refused = bpkd("jobs", "list", "--metadata", "team")
    assert (refused.code, refused.err.count("\n")) == (1, 2)  # a sentence and its hint


def test_a_plan_says_how_long_it_will_take_and_why(bpkd: Bpkd, failed: Job) -> None:
    # a range, and what it rests on
    shown = bpkd("jobs", "submit", "job.yaml", "--dry-run").out
    assert "GB" in shown
    assert "catalogue" in shown
    assert failed.id not in shown
