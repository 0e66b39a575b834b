"""Teachers over HTTP: registered by path or by upload, looked at, named by jobs, deleted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from fakes.prober import probe_next
from fakes.records import add_dataset, add_ready_dataset
from fakes.teachers import add_teacher, classes
from starlette.testclient import TestClient

from service.domain.datasets import Dataset
from service.domain.teachers import Teacher
from service.wiring import Service

STREETS = classes("road", "sky", "tree")
UNKNOWN = "tch_" + "0" * 26


def add_streets(service: Service, **changes: Any) -> Dataset:
    """A dataset with classes, ready to be learned from."""
    dataset = add_ready_dataset(service).evolve(**{"classes": STREETS, **changes})
    return service.datasets.change(dataset.id, lambda *_: dataset, fence=None)


def probed(service: Service, content: bytes = b"good", dataset: Dataset | None = None, **file: Any) -> Teacher:
    """A teacher whose probe is through; the content decides how it ended."""
    teacher = add_teacher(service, content, dataset=dataset or add_streets(service), **file)
    probe_next(service)
    return service.teachers.get(teacher.id)


def job_with(teacher_id: str, dataset: Dataset, **fields: Any) -> dict[str, Any]:
    teacher = {"type": "registered", "id": teacher_id}
    return {"dataset": dataset.id, "student": {"arch": "ddrnet_23_nano"}, "teacher": teacher, **fields}


# Registering


def test_a_file_of_the_server_is_copied_and_probed(api: TestClient, service: Service, tmp_path: Path) -> None:
    """A colleague's file on the same machine need not be uploaded, and may change afterwards without harm."""
    (tmp_path / "theirs.onnx").write_bytes(b"good")
    body = {"name": "theirs", "dataset": add_streets(service).id, "path": str(tmp_path / "theirs.onnx")}
    answer = api.post("/v1/teachers", json={**body, "metadata": {"from": "a colleague"}})
    made = answer.json()
    assert answer.status_code == 201
    assert (made["object"], made["state"], made["size"], made["metadata"]) == (
        "teacher",
        "probing",
        4,
        {"from": "a colleague"},
    )
    assert made["file"] == {"type": "onnx", "input": "auto", "output": "auto", "classes": "auto"}
    assert [each["name"] for each in made["classes"]] == ["road", "sky", "tree"]
    (tmp_path / "theirs.onnx").write_bytes(b"wrong")
    probe_next(service)
    ready = api.get(answer.headers["location"]).json()
    assert (ready["state"], ready["miou"], ready["error"]) == ("ready", 0.79, None)


def test_a_file_is_sent_in_pieces_and_probed_with_its_last_byte(api: TestClient, service: Service) -> None:
    """As with every upload; the whole of a file is one piece as well."""
    made = api.post("/v1/teachers", json={"name": "theirs", "dataset": add_streets(service).id}).json()
    place = f"/v1/teachers/{made['id']}/content"
    assert (made["state"], made["sha256"]) == ("uploading", None)
    part = api.put(place, content=b"go", headers={"Content-Range": "bytes 0-1/4"})
    assert (part.status_code, part.json()["offset"]) == (202, 2)
    whole = api.put(place, content=b"od", headers={"Content-Range": "bytes 2-3/4"})
    assert (whole.status_code, whole.json()["state"], whole.json()["size"]) == (200, "probing", 4)
    assert service.uploads.held(made["id"]) == 0
    probe_next(service)
    assert api.get(f"/v1/teachers/{made['id']}").json()["state"] == "ready"


def test_content_never_changes(api: TestClient, service: Service) -> None:
    """A job that named a teacher must find the same one; the same bytes again are a lost answer, and no harm."""
    teacher = probed(service)
    same = api.put(f"/v1/teachers/{teacher.id}/content", content=b"good")
    assert (same.status_code, same.json()["state"]) == (200, "ready")
    other = api.put(f"/v1/teachers/{teacher.id}/content", content=b"better")
    assert (other.status_code, other.json()["code"]) == (409, "conflict")
    assert "its content never changes" in other.json()["detail"]
    assert service.teachers.get(teacher.id).sha256 == teacher.sha256


def test_a_repeated_registration_makes_one_teacher(api: TestClient, service: Service) -> None:
    """A client that lost the answer asks again."""
    body, key = {"name": "theirs", "dataset": add_streets(service).id}, {"Idempotency-Key": "k"}
    first, again = (api.post("/v1/teachers", json=body, headers=key) for _ in range(2))
    assert again.json()["id"] == first.json()["id"]
    assert again.headers["Idempotency-Replayed"] == "true"
    assert api.post("/v1/teachers", json={**body, "name": "other"}, headers=key).status_code == 422


@pytest.mark.parametrize(
    ("fields", "pointer", "said"),
    [
        ({"dataset": "camvid"}, "#/dataset", "match"),
        ({"path": "/etc/passwd"}, "#/path", "in none of the folders"),
        ({"path": "FOLDER"}, "#/path", "is no file"),
        ({"file": {"type": "torchscript"}}, "#/file", "does not match any of the expected tags"),
        ({"file": {"type": "checkpoint", "arch": "pspnet_r10"}}, "#/file/arch", 'Did you mean "pspnet_r101"?'),
        ({"file": {"type": "checkpoint", "arch": "hf:/etc"}}, "#/file/arch", "in none of the folders"),
        ({"file": {"type": "onnx", "input": {"std": [0, 1, 1]}}}, "#/file/input/std/0", "greater than 0"),
        ({"layout": "auto"}, "#/layout", "not permitted"),
    ],
)
def test_a_wrong_registration_is_told_by_its_field(
    api: TestClient, service: Service, tmp_path: Path, fields: dict[str, Any], pointer: str, said: str
) -> None:
    """Before anything is stored."""
    fields = {name: str(tmp_path) if value == "FOLDER" else value for name, value in fields.items()}
    answer = api.post("/v1/teachers", json={"name": "theirs", "dataset": add_streets(service).id, **fields})
    assert answer.status_code == 422, answer.text
    assert answer.json()["errors"][0]["pointer"] == pointer
    assert said in answer.json()["detail"]
    assert api.get("/v1/teachers").json()["data"] == []


def test_a_teacher_is_tried_on_a_dataset_that_is_ready(api: TestClient, service: Service) -> None:
    """Labels that nobody has looked at prove nothing."""
    waiting = add_dataset(service)
    answer = api.post("/v1/teachers", json={"name": "theirs", "dataset": waiting.id})
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (409, "#/dataset")
    assert api.post("/v1/teachers", json={"name": "theirs", "dataset": "ds_" + "0" * 26}).status_code == 404


# Looking


def test_what_the_probe_found_can_be_read(api: TestClient, service: Service) -> None:
    """Every setting with its number, the one that is taken, and the sentences."""
    teacher = probed(service, b"wrong")
    assert api.get(f"/v1/teachers/{teacher.id}").json()["error"]["message"] == "3% with these settings, 79% with BGR."
    found = api.get(f"/v1/teachers/{teacher.id}/probe").json()
    assert (found["object"], found["teacher"], found["images"]) == ("teacher_probe", teacher.id, 2)
    assert found["reading"]["input"]["color"] == "bgr"
    assert [each["code"] for each in found["findings"]] == ["wrong_input"]


def test_there_is_no_probe_before_its_end_nor_of_an_unsafe_file(api: TestClient, service: Service) -> None:
    """404 with what to do, not an empty report."""
    waiting = add_teacher(service, dataset=add_streets(service))
    answer = api.get(f"/v1/teachers/{waiting.id}/probe")
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert "has an `error` instead" in answer.json()["hint"]
    probe_next(service)
    unsafe = probed(service, b"unsafe")
    assert api.get(f"/v1/teachers/{unsafe.id}/probe").status_code == 404
    assert api.get(f"/v1/teachers/{unsafe.id}").json()["error"]["message"] == "the file is unsafe"


def test_teachers_are_listed_by_state_and_dataset(api: TestClient, service: Service) -> None:
    """Which can teach on this data?"""
    ready = probed(service)
    refused = probed(service, b"wrong")
    assert [each["id"] for each in api.get("/v1/teachers").json()["data"]] == [refused.id, ready.id]
    assert [each["id"] for each in api.get("/v1/teachers?state=ready").json()["data"]] == [ready.id]
    found = api.get("/v1/teachers", params={"dataset": refused.dataset_id}).json()["data"]
    assert [each["id"] for each in found] == [refused.id]


def test_an_unknown_teacher_is_not_found(api: TestClient) -> None:
    """On every address of one."""
    for method, place in (("GET", ""), ("GET", "/probe"), ("PUT", "/content"), ("DELETE", "")):
        answer = api.request(method, f"/v1/teachers/{UNKNOWN}{place}", content=b"x" if method == "PUT" else None)
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found"), place


# Naming one in a job


def test_a_job_learns_from_a_registered_teacher(api: TestClient, service: Service) -> None:
    """Its id stands in the job, and jobs are found by it."""
    dataset = add_streets(service)
    teacher = probed(service, dataset=dataset)
    plan = api.post("/v1/jobs?dry_run=true", json=job_with(teacher.id, dataset)).json()
    assert [each["role"] for each in plan["networks"]] == ["control", "student"]
    job = api.post("/v1/jobs", json=job_with(teacher.id, dataset)).json()
    assert job["request"]["teacher"] == {"type": "registered", "id": teacher.id}
    assert service.jobs.get(job["id"]).teacher_id == teacher.id
    assert [each["id"] for each in api.get(f"/v1/jobs?teacher={teacher.id}").json()["data"]] == [job["id"]]


def test_a_job_cannot_name_a_teacher_that_is_not_there_or_not_ready(api: TestClient, service: Service) -> None:
    """404, 409 and 422: unknown, not yet, never."""
    dataset = add_streets(service)
    refused, waiting = probed(service, b"wrong", dataset), add_teacher(service, dataset=dataset)
    expected = (
        (UNKNOWN, 404, "no teacher"),
        (waiting.id, 409, "the end of its probe"),
        (refused.id, 422, "79% with BGR"),
    )
    for teacher_id, status, said in expected:
        answer = api.post("/v1/jobs", json=job_with(teacher_id, dataset))
        assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (status, "#/teacher/id"), answer.text
        assert said in answer.json()["detail"]
        assert answer.json()["hint"]
    assert api.get("/v1/jobs").json()["data"] == []


def test_a_teacher_of_other_classes_is_refused_at_submit(api: TestClient, service: Service) -> None:
    """Two days later is too late, and the sentence says both lists."""
    teacher = probed(service)
    other = add_streets(service, classes=classes("road", "tree", "sky"))
    answer = api.post("/v1/jobs", json=job_with(teacher.id, other))
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "#/teacher/id")
    assert "was probed for 3 classes (road, sky, tree)" in answer.json()["detail"]
    assert "has 3 classes (road, tree, sky)" in answer.json()["detail"]
    assert f"Register its file again with dataset {other.id}" in answer.json()["hint"]


def test_a_method_that_compares_features_needs_a_teacher_that_shows_them(api: TestClient, service: Service) -> None:
    """Which kind of file it is stands in the teacher's record, not in the job's request."""
    dataset = add_streets(service)
    teacher = probed(service, dataset=dataset)
    answer = api.post("/v1/jobs?dry_run=true", json=job_with(teacher.id, dataset, method={"type": "ifvd"}))
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "#/method/type")


# Deleting


def test_a_teacher_is_deleted_once_no_job_needs_it(api: TestClient, service: Service) -> None:
    """409 names the job; after that it is gone, with what came of an upload."""
    dataset = add_streets(service)
    teacher = probed(service, dataset=dataset)
    job = api.post("/v1/jobs", json=job_with(teacher.id, dataset)).json()
    busy = api.delete(f"/v1/teachers/{teacher.id}")
    assert (busy.status_code, busy.json()["code"]) == (409, "conflict")
    assert job["id"] in busy.json()["detail"]
    api.post(f"/v1/jobs/{job['id']}/cancel")
    assert api.delete(f"/v1/teachers/{teacher.id}").status_code == 204
    assert api.get(f"/v1/teachers/{teacher.id}").status_code == 404
    half = api.post("/v1/teachers", json={"name": "half", "dataset": dataset.id}).json()["id"]
    api.put(f"/v1/teachers/{half}/content", content=b"go", headers={"Content-Range": "bytes 0-1/4"})
    assert api.delete(f"/v1/teachers/{half}").status_code == 204
    assert service.uploads.held(half) == 0
