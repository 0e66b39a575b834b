"""Jobs that are planned, found, gone on with, repeated, compared, and read while they run."""

from __future__ import annotations

import json
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from fakes.records import add_job, add_ready_dataset
from starlette.testclient import TestClient

from bpkd_core.errors import Diverged
from bpkd_core.events import Event
from service import schemas
from service.domain import lifecycle, work
from service.domain.jobs import Job, Remains
from service.wiring import Service

STUDENT = {"arch": "ddrnet_23_nano"}


def submit(api: TestClient, service: Service, **fields: object) -> dict[str, Any]:
    body = {"dataset": add_ready_dataset(service).id, "student": STUDENT, **fields}
    answer = api.post("/v1/jobs", json=body)
    assert answer.status_code == 201, answer.text
    return answer.json()


def claim(service: Service, *events: Event) -> Job:
    job = service.jobs.claim("worker-1", lease_s=60)
    assert job is not None
    return work.beat(service.jobs, job, events)


def training(stage: str, **data: object) -> list[Event]:
    told = {"stage": stage, "step": 5, "total_steps": 10, "values": {}, **data}
    return [Event("stage", {"stage": stage, "state": "started"}), Event("metrics", told)]


def kept(service: Service, **files: bytes) -> Remains:
    return Remains({name: service.artifacts.keep_bytes(data) for name, data in files.items()}, "the last line\n")


def plan(api: TestClient, service: Service, **fields: object) -> dict[str, Any]:
    body = {"dataset": add_ready_dataset(service).id, "student": STUDENT, **fields}
    answer = api.post("/v1/jobs?dry_run=true", json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_an_estimate_without_any_job_says_that_it_rests_on_the_catalogue(api: TestClient, service: Service) -> None:
    # an honest range is wide where nothing was measured
    found = plan(api, service)["estimate"]
    assert found["basis"] == "catalogue"
    assert found["seconds"]["high"] / found["seconds"]["low"] > 100
    assert 1e9 < found["memory_bytes"]["low"] < found["memory_bytes"]["high"] < 1e12


def test_an_estimate_rests_on_the_job_that_did_the_same(api: TestClient, service: Service) -> None:
    # what it took an hour ago is what it will take
    fields: dict[str, Any] = {
        "train": {"steps": 1000, "batch_size": 8},
        "control": "none",
        "teacher": {"arch": "pspnet_r18"},
    }
    job = submit(api, service, **fields)
    pace = {"images_per_s": 4.0, "memory_bytes": 2e9}
    claim(service, *training("training_teacher", **pace), *training("training_student", **pace))
    found = plan(api, service, **fields)["estimate"]
    assert found["basis"] == "measured"
    assert found["seconds"]["low"] < 4000 < found["seconds"]["high"] < 6000
    assert found["memory_bytes"]["low"] < 2e9 < found["memory_bytes"]["high"]
    assert f"measured on {job['id']}, 0 s ago" in found["explanation"]


def test_an_estimate_is_scaled_from_another_network_where_none_did_the_same(api: TestClient, service: Service) -> None:
    # the machine is known, the network is not
    submit(api, service, train={"steps": 1000}, control="none")
    claim(service, *training("training_student", images_per_s=4.0))
    found = plan(api, service, student={"arch": "swiftnet_r18"})["estimate"]
    assert found["basis"] == "scaled"
    assert 2 < found["seconds"]["high"] / found["seconds"]["low"] < 20


def test_a_budget_is_its_own_estimate(api: TestClient, service: Service) -> None:
    # the steps are chosen to fit
    found = plan(api, service, budget_minutes=10)
    assert found["estimate"]["basis"] == "budget"
    assert found["estimate"]["seconds"]["low"] < 600 < found["estimate"]["seconds"]["high"]
    assert {each["steps"] for each in found["networks"]} == {None}


def test_a_short_control_is_planned_with_a_tenth_of_the_steps(api: TestClient, service: Service) -> None:
    # it is an alarm, and cheap
    found = plan(api, service, control="short", train={"steps": 1001})["networks"]
    assert [(each["role"], each["steps"]) for each in found] == [("teacher", 1001), ("control", 101), ("student", 1001)]


def test_a_precision_that_cannot_be_exported_is_refused_with_a_sentence(api: TestClient, service: Service) -> None:
    # silently exporting fp32 would look like an int8 that is as slow
    body = {"dataset": add_ready_dataset(service).id, "student": STUDENT, "export": {"precisions": ["fp32", "int8"]}}
    problem = api.post("/v1/jobs", json=body).json()
    assert problem["errors"][0]["pointer"] == "#/export/precisions"
    assert "fp32" in problem["detail"]


@pytest.mark.parametrize("priority", [-101, 101, 0.5, "high"])
def test_a_priority_is_bounded(api: TestClient, service: Service, priority: object) -> None:
    # nobody can outbid all others for ever
    body = {"dataset": add_ready_dataset(service).id, "student": STUDENT, "priority": priority}
    answer = api.post("/v1/jobs", json=body)
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "#/priority")


def test_jobs_are_found_by_what_is_known_of_them(api: TestClient, service: Service) -> None:
    # among a thousand jobs nobody pages
    one = submit(api, service, name="street-a", metadata={"team": "a:b"}, priority=3)
    two = submit(api, service, name="park")
    later = (service.jobs.get(two["id"]).created_at + timedelta(seconds=1)).isoformat()

    def found(**query: str) -> list[str]:
        answer = api.get("/v1/jobs", params={"order": "asc", **query})
        assert answer.status_code == 200, answer.text
        return [job["id"] for job in answer.json()["data"]]

    assert found(name="street") == found(metadata="team:a:b") == found(dataset=one["dataset"]) == [one["id"]]
    assert found(created_after=one["created_at"]) == found(created_before=later) == [one["id"], two["id"]]
    assert found(created_after=later) == found(teacher="tch_none") == found(status="running") == []
    assert found(created_before=one["created_at"]) == []


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ({"metadata": "team"}, "?metadata"),
        ({"created_after": "yesterday"}, "?created_after"),
        ({"created_after": "2026-11-20T20:19:00"}, "?created_after"),
        ({"created_before": "0001-01-01T00:00:00Z"}, "?created_before"),
        ({"created_before": "0.5"}, "?created_before"),
        ({"name": "x" * 201}, "?name"),
    ],
)
def test_a_wrong_filter_is_pointed_at(api: TestClient, query: dict[str, str], pointer: str) -> None:
    # a filter that is ignored shows other people's jobs as if they were meant
    answer = api.get("/v1/jobs", params=query)
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, pointer)


def test_a_retry_is_a_new_job_that_is_made_once(api: TestClient, service: Service) -> None:
    # a client whose answer was lost asks again
    job = submit(api, service, name="fast", priority=5)
    assert api.post(f"/v1/jobs/{job['id']}/retry").status_code == 409
    api.post(f"/v1/jobs/{job['id']}/cancel")
    first, second = (api.post(f"/v1/jobs/{job['id']}/retry", headers={"Idempotency-Key": "k"}) for _ in range(2))
    again = first.json()
    assert (first.status_code, first.headers["location"]) == (201, f"/v1/jobs/{again['id']}")
    assert second.json()["id"] == again["id"] != job["id"]
    assert (again["retry_of"], again["status"], again["priority"], again["name"]) == (job["id"], "queued", 5, "fast")
    assert again["request"] == job["request"]


MANIFEST: dict[str, Any] = {
    "spec": {
        "name": "old",
        "student": STUDENT,
        "teacher": {"type": "train", "arch": "pspnet_r18"},
        "budget_minutes": 5,
    },
    "prepared": {"dataset_sha256": "d" * 64, "steps": {"teacher": 70, "control": 90, "student": 90}},
    "versions": {"torch": "2.15.0"},
}


def manifest_for(dataset: str, **prepared: object) -> dict[str, Any]:
    spec = {**MANIFEST["spec"], "train": {"seed": 7}, "dataset": "/data", "layout": "auto"}
    spec["provenance"] = {"dataset_id": dataset, "job_id": "job_x"}
    return {**MANIFEST, "spec": spec, "prepared": {**MANIFEST["prepared"], **prepared}}


def test_a_manifest_is_run_again_with_the_steps_that_were_taken(api: TestClient, service: Service) -> None:
    # a budget would choose others on another day
    dataset = add_ready_dataset(service).id
    answer = api.post("/v1/jobs", json={"from_manifest": manifest_for(dataset), "name": "again", "priority": 2})
    request = answer.json()["request"]
    assert answer.status_code == 201
    assert (request["name"], request["priority"], request["dataset"]) == ("again", 2, dataset)
    assert (request["train"]["steps"], request["train"]["seed"], request["budget_minutes"]) == (90, 7, None)
    assert (request["teacher"]["train"]["steps"], request["teacher"]["train"]["seed"]) == (70, 7)
    assert request["dataset_sha256"] == "d" * 64


def test_a_manifest_of_a_registered_teacher_names_it_again(api: TestClient, service: Service) -> None:
    # the file that the run had was a copy, in a folder that is gone
    manifest = manifest_for(add_ready_dataset(service).id)
    manifest["spec"]["teacher"] = {"type": "onnx", "path": "/gone/teacher.onnx"}
    manifest["spec"]["budget_minutes"] = None
    manifest["spec"]["provenance"]["teacher_id"] = "tch_" + "0" * 26
    answer = api.post("/v1/jobs", json={"from_manifest": manifest})
    assert answer.status_code == 404
    assert "tch_" in answer.json()["detail"]


def test_a_repeat_may_be_registered_elsewhere(api: TestClient, service: Service) -> None:
    # a manifest does not say where, and a copy need not replace what is served
    manifest = manifest_for(add_ready_dataset(service).id)
    for given in ({}, {"register": {"model": "copy"}}):
        request = api.post("/v1/jobs", json={"from_manifest": manifest, **given}).json()["request"]
        assert (request["register"] and request["register"]["model"]) == given.get("register", {}).get("model")


def test_a_job_is_repeated_by_its_id(api: TestClient, service: Service) -> None:
    # nobody should have to download a file to send it back
    job = submit(api, service, train={"seed": 3}, register={"model": "street"})
    again = api.post("/v1/jobs", json={"from_manifest": job["id"]}).json()
    assert again["id"] != job["id"]
    assert again["request"] == {**job["request"], "dataset_sha256": "d" * 64}


@pytest.mark.parametrize(
    ("change", "pointer", "word"),
    [
        ({"spec": None}, "#/from_manifest/spec", "spec"),
        ({"spec": {"provenance": {}}}, "#/from_manifest", "names no dataset"),
        ({"prepared": {"dataset_sha256": "e" * 64, "steps": {}}}, "#/from_manifest", "e" * 64),
        ({"prepared": {"steps": {"student": -1}}}, "#/from_manifest/train/steps", "cannot be run"),
    ],
)
def test_a_manifest_that_cannot_be_run_is_refused_with_what_is_wrong(
    api: TestClient, service: Service, change: dict[str, Any], pointer: str, word: str
) -> None:
    # a run that looks like the old one and is another is worse than none
    manifest = {**manifest_for(add_ready_dataset(service).id), **change}
    answer = api.post("/v1/jobs", json={"from_manifest": manifest})
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, pointer)
    assert word in answer.json()["detail"]


@pytest.mark.parametrize(
    ("part", "pointer"), [("teacher", "#/from_manifest/teacher"), ("train", "#/from_manifest/train")]
)
def test_a_manifest_of_nonsense_is_refused(api: TestClient, service: Service, part: str, pointer: str) -> None:
    # whoever sends it may have written it
    manifest = manifest_for(add_ready_dataset(service).id)
    answers = []
    for nonsense in ("x", [1], 3):
        manifest["spec"][part] = nonsense
        answers.append(api.post("/v1/jobs", json={"from_manifest": manifest}))
    manifest["spec"] |= {"train": {"seed": 7}, "teacher": {"type": "train", "arch": "pspnet_r18", "train": "x"}}
    answers.append(api.post("/v1/jobs", json={"from_manifest": manifest}))
    assert [each.status_code for each in answers] == [422] * 4
    assert {each.json()["errors"][0]["pointer"] for each in answers[:3]} == {pointer}


def test_a_repeat_of_nothing_is_pointed_at(api: TestClient) -> None:
    # two kinds of body at one address, and each is blamed by its own fields
    assert api.post("/v1/jobs", json={"from_manifest": "job_" + "0" * 26}).status_code == 404
    answer = api.post("/v1/jobs", json={"from_manifest": "x", "steps": 3})
    assert {each["pointer"] for each in answer.json()["errors"]} >= {"#/steps"}
    answer = api.post("/v1/jobs", json={"name": "x"})
    assert {each["pointer"] for each in answer.json()["errors"]} == {"#/dataset", "#/student"}


def test_jobs_are_compared_after_their_dataset_has_gone(api: TestClient, service: Service) -> None:
    # what they learned from is known by its hash, and nobody keeps gigabytes to look at two numbers
    one, two = submit(api, service), submit(api, service)
    for job in (one, two):
        api.post(f"/v1/jobs/{job['id']}/cancel")
        assert api.delete(f"/v1/datasets/{job['dataset']}").status_code == 204
    diff = api.get(f"/v1/jobs/{one['id']}/diff", params={"other": two["id"]})
    assert {each["path"] for each in diff.json()["differences"]} == {"request.dataset", "dataset.id"}


def test_two_jobs_are_compared_by_request_data_code_and_result(api: TestClient, service: Service) -> None:
    # "what did I change since it worked?"
    one = submit(api, service, train={"lr": 0.01}, name="one")
    two = submit(api, service, train={"lr": 0.02}, name="two")
    held = claim(service)
    files = {"manifest.json": service.artifacts.keep_bytes(json.dumps({"versions": {"torch": "2.15"}}).encode())}
    end = partial(lifecycle.succeed, result={"student": {"miou": 0.5}}, files=files, release=None)
    service.jobs.change(held.id, end, fence=held.lease.fence)
    diff = api.get(f"/v1/jobs/{one['id']}/diff", params={"other": two["id"]}).json()
    found = {each["path"]: (each["left"], each["right"]) for each in diff["differences"]}
    assert found["request.train.lr"] == (0.01, 0.02)
    assert found["status"] == ("succeeded", "queued")
    assert found["result"] == ({"student": {"miou": 0.5}}, None)
    assert found["code"] == ({"torch": "2.15"}, None)
    assert "request.name" not in found
    assert api.get(f"/v1/jobs/{one['id']}/diff", params={"other": one["id"]}).json()["differences"] == []


def test_the_log_is_read_while_the_job_runs_and_as_a_file_when_it_has_ended(api: TestClient, service: Service) -> None:
    # one address, whether one waits for the end or not
    submit(api, service)
    job = claim(service, Event("log", {"message": "a teacher was probed"}), *training("training_student"))
    url = f"/v1/jobs/{job.id}/logs"
    lines = api.get(url).text.splitlines()
    assert [line.split(maxsplit=1)[1] for line in lines] == [
        "status  queued, attempt 1",
        "status  running, attempt 1",
        "log     a teacher was probed",
        "stage   training_student started",
    ]
    assert api.get(url, params={"tail": 1}).text.splitlines() == lines[-1:]
    work.fail(service.jobs, job, Diverged("no"), kept(service, **{"trainer.log": b"one\ntwo\nthree\n"}))
    answer = api.get(url, headers={"Range": "bytes=4-6"})
    assert (answer.status_code, answer.text) == (206, "two")
    assert answer.headers["content-type"].startswith("text/plain")
    assert api.get(url, params={"tail": 2}).text == "two\nthree\n"
    assert api.get(f"/v1/jobs/{job.id}").json()["error"]["log_tail"] == "the last line\n"


def test_checkpoints_are_listed_and_the_newest_is_marked(api: TestClient, service: Service) -> None:
    # how much would a retry save?
    submit(api, service)
    told = [{"stage": "training_student", "step": step, "sha256": "a" * 64, "size": 9} for step in (10, 20)]
    job = claim(service, *(Event("checkpoint", each) for each in told), Event("checkpoint", {"stage": "x"}))
    found = api.get(f"/v1/jobs/{job.id}/checkpoints").json()["data"]
    assert [(each["step"], each["newest"]) for each in found] == [(10, False), (20, False), (0, True)]


def test_previews_are_listed_and_shown(api: TestClient, service: Service) -> None:
    # one looks at masks long before the job ends
    submit(api, service)
    info = service.artifacts.keep_bytes(b"\x89PNG of step 5")
    data = {"path": "p.png", "stage": "training_student", "step": 5, **info.model_dump()}
    job = claim(service, Event("log", {"message": "x"}), Event("preview", data))
    (found,) = api.get(f"/v1/jobs/{job.id}/previews").json()["data"]
    assert (found["stage"], found["step"]) == ("training_student", 5)
    picture = api.get(found["url"])
    assert (picture.content, picture.headers["content-type"]) == (b"\x89PNG of step 5", "image/png")
    other = found["id"][:-1] + "1"
    assert api.get(f"/v1/jobs/{job.id}/previews/{other}").status_code == 404
    answer = api.get(f"/v1/jobs/{job.id}/previews/nonsense")
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/preview_id")


def test_a_wrong_cursor_is_blamed_where_it_stands(api: TestClient, service: Service) -> None:
    # a query, not the body that a GET does not have
    url = f"/v1/jobs/{add_job(service).id}/events"
    assert api.get(url, params={"after": "7"}).json()["errors"][0]["pointer"] == "?after"
    headers = {"Accept": "text/event-stream", "Last-Event-ID": "evt_other_1"}
    assert api.get(url, headers=headers).json()["errors"][0]["pointer"] == "Last-Event-ID"


def test_an_old_failure_without_a_log_is_still_read() -> None:
    # records outlive releases
    assert schemas.JobFailure.model_validate({"code": "diverged", "message": "x"}).log_tail is None


def test_paths_in_a_manifest_come_from_the_import_roots(api: TestClient, service: Service, tmp_path: Path) -> None:
    # a manifest is a request like any other, and whoever sends it may have written it
    manifest = manifest_for(add_ready_dataset(service).id)
    manifest["spec"]["teacher"] = {"type": "checkpoint", "arch": "pspnet_r18", "path": "/etc/passwd"}
    manifest["spec"]["budget_minutes"] = None
    answer = api.post("/v1/jobs", json={"from_manifest": manifest})
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "#/teacher/path")
