"""Jobs over HTTP: submitted once, listed in pages, called off, their events and files read."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest
from fakes.records import add_dataset, add_job, add_ready_dataset
from starlette.testclient import TestClient

from bpkd_core.events import Event
from service.domain import lifecycle
from service.domain.datasets import Findings, conclude
from service.domain.jobs import Job
from service.wiring import Service


def request_for(service: Service, **fields: object) -> dict[str, object]:
    return {"dataset": add_ready_dataset(service).id, "student": {"arch": "ddrnet_23_nano"}, **fields}


def running(service: Service, *events: Event) -> Job:
    """A job that a worker holds and whose trainer has spoken."""
    add_job(service)
    job = service.jobs.claim("worker-1", lease_s=60)
    assert job is not None
    beat = partial(lifecycle.beat, lease_s=60, events=events)
    return service.jobs.change(job.id, beat, fence=job.lease.fence)


def finished(service: Service, job: Job, **files: bytes) -> Job:
    kept = {name: service.artifacts.keep_bytes(data) for name, data in files.items()}
    end = partial(lifecycle.succeed, result={}, files=kept, release=None)
    return service.jobs.change(job.id, end, fence=job.lease.fence)


def metrics(step: int, miou: float) -> Event:
    data = {"stage": "training_student", "step": step, "total_steps": 100, "values": {"miou": miou}}
    return Event("metrics", data)


def test_a_job_is_created_with_every_default_filled_in(api: TestClient, service: Service) -> None:
    # the record must say what was really asked, also after a default has changed
    answer = api.post("/v1/jobs", json=request_for(service, name="fast", metadata={"team": "a"}))
    job = answer.json()
    assert answer.status_code == 201
    assert answer.headers["location"] == f"/v1/jobs/{job['id']}"
    assert (job["object"], job["status"], job["name"], job["metadata"]) == ("job", "queued", "fast", {"team": "a"})
    assert job["request"]["train"]["steps"] == 80_000
    assert api.get(answer.headers["location"]).json() == job


def test_a_dry_run_plans_and_stores_nothing(api: TestClient, service: Service) -> None:
    # people look before they spend two days
    body = request_for(service, teacher={"arch": "pspnet_r18", "train": {"steps": 7}}, train={"steps": 5})
    answer = api.post("/v1/jobs?dry_run=true", json=body)
    plan = answer.json()
    assert (answer.status_code, plan["object"]) == (200, "job_plan")
    assert [(each["role"], each["steps"]) for each in plan["networks"]] == [
        ("teacher", 7),
        ("control", 5),
        ("student", 5),
    ]
    assert plan["dataset"]["id"] == body["dataset"]
    assert api.get("/v1/jobs").json()["data"] == []


def test_a_plan_leaves_out_a_teacher_that_is_given(api: TestClient, service: Service, tmp_path: Path) -> None:
    # only what is trained costs time
    (tmp_path / "theirs.onnx").touch()
    body = request_for(service, teacher={"type": "onnx", "path": str(tmp_path / "theirs.onnx")})
    plan = api.post("/v1/jobs?dry_run=true", json=body).json()
    assert [each["role"] for each in plan["networks"]] == ["control", "student"]


@pytest.mark.parametrize(
    ("teacher", "pointer"),
    [
        ({"arch": "pspnet_r18", "train": {"steps": 0}}, "#/teacher/train/steps"),
        ({"type": "train", "arch": "pspnet_r18", "train": {"steps": 4, "warmup_steps": 9}}, "#/teacher/train"),
        ({"type": "train", "train": {}}, "#/teacher/arch"),
        ({"type": "onnx"}, "#/teacher/path"),
        ({"type": "onnx", "path": "/data/x", "train": {}}, "#/teacher/train"),
    ],
)
def test_a_wrong_field_of_a_teacher_is_pointed_at(
    api: TestClient, service: Service, teacher: dict[str, object], pointer: str
) -> None:
    # the kind of teacher and its schedule are both called train, and only one of them is a field
    answer = api.post("/v1/jobs", json=request_for(service, teacher=teacher))
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, pointer)


def test_files_that_a_job_names_come_from_the_import_roots(api: TestClient, service: Service, tmp_path: Path) -> None:
    # links are followed once, here, so that what was allowed is what the trainer opens
    (tmp_path / "real.pth").touch()
    (tmp_path / "net").mkdir()
    (tmp_path / "link.pth").symlink_to(tmp_path / "real.pth")
    student = {"arch": f"hf:{tmp_path}/./net", "pretrained": str(tmp_path / "link.pth")}
    teacher = {"type": "checkpoint", "arch": "pspnet_r18", "path": str(tmp_path / "link.pth")}
    answer = api.post("/v1/jobs", json=request_for(service, student=student, teacher=teacher))
    asked = answer.json()["request"]
    real = str(tmp_path / "real.pth")
    assert (asked["student"]["pretrained"], asked["teacher"]["path"]) == (real, real)
    assert asked["student"]["arch"] == f"hf:{tmp_path}/net"


def test_a_hub_id_is_no_path(api: TestClient, service: Service) -> None:
    # the hub is no file of this server
    student = {"arch": "hf:nvidia/mit-b0", "pretrained": "timm/resnet18c.in1k"}
    asked = api.post("/v1/jobs", json=request_for(service, student=student)).json()["request"]["student"]
    assert (asked["arch"], asked["pretrained"]) == (student["arch"], student["pretrained"])


@pytest.mark.parametrize(
    "path", ["/etc/passwd", "{root}/../x", "{root}/link", "{root}/no", "{root}/" + "x" * 300, "\0"]
)
@pytest.mark.parametrize(
    ("role", "network", "field"),
    [
        ("teacher", {"type": "onnx"}, "path"),
        ("teacher", {"type": "checkpoint", "arch": "pspnet_r18"}, "path"),
        ("teacher", {"arch": "pspnet_r18"}, "pretrained"),
        ("student", {"arch": "pspnet_r18"}, "pretrained"),
        ("student", {}, "arch"),
    ],
)
def test_other_files_of_the_server_are_refused(
    api: TestClient, service: Service, tmp_path: Path, role: str, network: dict[str, str], field: str, path: str
) -> None:
    # a job that could name any file could ask of each whether it is there, and what is in it
    (tmp_path / "link").symlink_to("/etc/passwd")
    named = path.format(root=tmp_path)
    value = f"hf:{named}"[:200] if field == "arch" else named
    answer = api.post("/v1/jobs", json=request_for(service, **{role: {**network, field: value}}))
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == f"#/{role}/{field}"


def test_a_job_that_needs_masks_is_refused_where_they_are_missing(api: TestClient, service: Service) -> None:
    # the dataset is sound for a student that learns from its teacher, and for no other
    dataset = add_dataset(service, labels="mixed")
    report = {"findings": [{"code": "unlabelled_images", "severity": "info", "count": 7}]}
    service.datasets.change(dataset.id, partial(conclude, findings=Findings(ready=True, report=report)), fence=None)
    body = {"dataset": dataset.id, "student": {"arch": "ddrnet_23_nano"}}
    answer = api.post("/v1/jobs", json=body)
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "#/labels")
    assert api.post("/v1/jobs", json={**body, "labels": "mixed"}).status_code == 201


def test_a_refused_dataset_is_named_with_its_report(api: TestClient, service: Service) -> None:
    # the way out is one click away
    dataset = add_dataset(service)
    refused = Findings(ready=False, report={"problems": []})
    service.datasets.change(dataset.id, partial(conclude, findings=refused), fence=None)
    answer = api.post("/v1/jobs", json={"dataset": dataset.id, "student": {"arch": "ddrnet_23_nano"}})
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_dataset")
    assert f"/v1/datasets/{dataset.id}/report" in answer.json()["hint"]


def test_one_key_makes_one_job(api: TestClient, service: Service) -> None:
    # a client that lost the answer sends again, and two days of training must not start twice
    body, key = request_for(service), {"Idempotency-Key": "k1"}
    first, second = (api.post("/v1/jobs", json=body, headers=key) for _ in range(2))
    assert first.json()["id"] == second.json()["id"]
    assert "idempotency-replayed" not in first.headers
    assert second.headers["idempotency-replayed"] == "true"
    other = api.post("/v1/jobs", json={**body, "name": "other"}, headers=key)
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_mismatch")
    assert len(api.get("/v1/jobs").json()["data"]) == 1


def test_lists_come_in_pages_that_join(api: TestClient, service: Service) -> None:
    # walking by `after=last_id` sees each job once
    made = [add_job(service).id for _ in range(5)]
    seen: list[str] = []
    after = ""
    while True:
        page = api.get(f"/v1/jobs?limit=2&order=asc{after}").json()
        assert page["object"] == "list"
        seen += [job["id"] for job in page["data"]]
        assert (page["first_id"], page["last_id"]) == (page["data"][0]["id"], page["data"][-1]["id"])
        if not page["has_more"]:
            break
        after = f"&after={page['last_id']}"
    assert seen == sorted(made)


def test_lists_filter(api: TestClient, service: Service) -> None:
    # a page of everything is no answer to "what fails?"
    job = running(service)
    add_job(service)
    assert [each["id"] for each in api.get("/v1/jobs?status=running").json()["data"]] == [job.id]
    assert [each["id"] for each in api.get(f"/v1/jobs?dataset={job.dataset_id}").json()["data"]] == [job.id]
    assert api.get("/v1/jobs?status=sleeping").status_code == 422


def test_a_running_job_shows_where_it_stands(api: TestClient, service: Service) -> None:
    # this is what people look at for hours
    job = running(service, Event("stage", {"stage": "training_student", "state": "started"}), metrics(25, 0.5))
    shown = api.get(f"/v1/jobs/{job.id}").json()
    assert (shown["status"], shown["stage"], shown["worker"]) == ("running", "training_student", "worker-1")
    assert shown["progress"]["step"] == 25
    assert shown["latest"] == {"miou": 0.5}
    assert shown["stages"][0]["state"] == "running"


def test_cancel_is_immediate_for_the_queued_and_a_wish_for_the_running(api: TestClient, service: Service) -> None:
    # and it may be sent again
    held, waiting = running(service), add_job(service)
    for _ in range(2):
        assert api.post(f"/v1/jobs/{waiting.id}/cancel").json()["status"] == "cancelled"
        wish = api.post(f"/v1/jobs/{held.id}/cancel").json()
        assert (wish["status"], wish["cancel_requested"]) == ("running", True)


def test_a_repeated_key_repeats_the_answer(api: TestClient, service: Service) -> None:
    # also where the state has moved on: the answer is the one that was lost
    held, key = running(service), {"Idempotency-Key": "c1"}
    first = api.post(f"/v1/jobs/{held.id}/cancel", headers=key)
    service.jobs.change(held.id, lifecycle.stop, fence=held.lease.fence)
    second = api.post(f"/v1/jobs/{held.id}/cancel", headers=key)
    assert second.json() == first.json()
    assert second.headers["idempotency-replayed"] == "true"


def test_a_failed_request_frees_its_key(api: TestClient, service: Service) -> None:
    # otherwise one mistake would block the key for a day
    key = {"Idempotency-Key": "c2"}
    for _ in range(2):
        assert api.post("/v1/jobs/job_x/cancel", headers=key).status_code == 404


def test_events_are_read_with_a_cursor(api: TestClient, service: Service) -> None:
    # a reader that comes back goes on where it stopped
    job = running(service, *[metrics(step, step / 100) for step in range(1, 8)])
    first = api.get(f"/v1/jobs/{job.id}/events?limit=4").json()
    rest = api.get(f"/v1/jobs/{job.id}/events?after={first['last_id']}").json()
    assert [event["seq"] for event in first["data"] + rest["data"]] == list(range(1, 10))
    assert (first["has_more"], rest["has_more"]) == (True, False)


@pytest.mark.parametrize("cursor", ["7", "evt_other_00000001", "evt_", "' or 1=1"])
def test_a_cursor_of_something_else_is_refused(api: TestClient, service: Service, cursor: str) -> None:
    # silently starting from the beginning would repeat what was seen
    assert api.get(f"/v1/jobs/{add_job(service).id}/events", params={"after": cursor}).status_code == 422


def test_metrics_come_as_a_table(api: TestClient, service: Service) -> None:
    # what a curve is drawn from
    job = running(service, Event("log", {"message": "hello"}), metrics(1, 0.1), metrics(2, 0.2))
    rows = api.get(f"/v1/jobs/{job.id}/metrics").json()["data"]
    assert [(row["stage"], row["step"], row["values"]) for row in rows] == [
        ("training_student", 1, {"miou": 0.1}),
        ("training_student", 2, {"miou": 0.2}),
    ]


def test_files_are_listed_and_downloaded(api: TestClient, service: Service) -> None:
    # by their names, whatever the store calls them
    job = finished(service, running(service), **{"picture.png": b"\x89PNG", "manifest.json": b"{}"})
    listed = api.get(f"/v1/jobs/{job.id}/artifacts").json()["data"]
    assert [each["name"] for each in listed] == ["manifest.json", "picture.png"]
    assert api.get(listed[1]["url"]).content == b"\x89PNG"
    assert api.get(listed[1]["url"]).headers["content-type"] == "image/png"
    assert api.get(f"/v1/jobs/{job.id}/manifest").json() == {}


@pytest.mark.parametrize("name", ["nothing.txt", "..%2F..%2Fbpkd.sqlite", "%2Fetc%2Fpasswd", "%00"])
def test_a_name_that_is_no_file_of_the_job_is_not_found(api: TestClient, service: Service, name: str) -> None:
    # names are looked up in the record and never reach the file system
    assert api.get(f"/v1/jobs/{add_job(service).id}/artifacts/{name}").status_code == 404


def test_a_dataset_is_registered_once_and_reported_on(api: TestClient, service: Service, tmp_path: Path) -> None:
    # the record points to the folder that the path means, links resolved
    (tmp_path / "data").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "data")
    body, key = {"name": "streets", "path": str(tmp_path / "link")}, {"Idempotency-Key": "d1"}
    first, second = (api.post("/v1/datasets", json=body, headers=key) for _ in range(2))
    assert (first.status_code, second.json()) == (201, first.json())
    dataset = first.json()
    assert (dataset["state"], dataset["path"]) == ("validating", str(tmp_path / "data"))
    assert api.get(f"/v1/datasets/{dataset['id']}/report").status_code == 404
    found = Findings(ready=True, report={"ok": True, "findings": []}, sha256="d" * 64, splits={"train": 3})
    service.datasets.change(dataset["id"], partial(conclude, findings=found), fence=None)
    assert api.get(first.headers["location"]).json()["splits"] == {"train": 3}
    assert api.get(f"/v1/datasets/{dataset['id']}/report").json()["ok"] is True
    assert [each["id"] for each in api.get("/v1/datasets?state=ready").json()["data"]] == [dataset["id"]]


@pytest.mark.parametrize(
    "path", ["/", "/etc", "{root}/../..", "{root}/link", "{root}/file", "{root}/no", "\0", "~", ""]
)
def test_a_path_outside_the_import_roots_is_refused(api: TestClient, tmp_path: Path, path: str) -> None:
    # a dataset's pictures are shown to whoever asks
    (tmp_path / "file").touch()
    (tmp_path / "link").symlink_to("/etc")
    answer = api.post("/v1/datasets", json={"name": "x", "path": path.format(root=tmp_path)})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == "#/path"


def test_a_dataset_says_how_it_is_to_be_checked(api: TestClient, tmp_path: Path) -> None:
    # where files lie in another way, or some have no mask yet
    given = {"name": "x", "path": str(tmp_path), "layout": "cvat", "labels": "mixed"}
    dataset = api.post("/v1/datasets", json=given).json()
    assert (dataset["layout"], dataset["labels"]) == ("cvat", "mixed")
    answer = api.post("/v1/datasets", json={**given, "layout": "cvatt"})
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "#/layout")
    assert '"cvat"' in answer.json()["detail"]
