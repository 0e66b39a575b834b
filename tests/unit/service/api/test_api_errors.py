"""Every refusal is a problem that says what was found, where, and what would work."""

from __future__ import annotations

import html
import json
from typing import Any

import pytest
from fakes.records import add_dataset, add_job, add_ready_dataset
from fakes.services import publish
from fastapi import FastAPI
from starlette.testclient import TestClient

from bpkd_core.errors import BpkdError
from service.api import errors, pages
from service.api.remedies import REMEDIES
from service.domain.errors import Busy, Unavailable
from service.wiring import Service


def problem_of(answer: object, status: int) -> dict[str, object]:
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json"), answer.text
    body = answer.json()
    assert body["type"] == f"/problems/{body['code']}"
    assert body["status"] == status
    assert body["request_id"] == answer.headers["x-request-id"]
    return body


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/v1/nothing", 404, "not_found"),
        ("GET", "/v1/jobs/job_x", 404, "not_found"),
        ("GET", "/v1/datasets/..%2F..%2Fetc%2Fpasswd", 404, "not_found"),
        ("DELETE", "/v1/jobs", 405, "method_not_allowed"),
        ("GET", "/v1/jobs?limit=0", 422, "invalid_request"),
        ("GET", "/v1/jobs?limit=999999999999999999999", 422, "invalid_request"),
        ("GET", "/v1/jobs?order=up", 422, "invalid_request"),
        ("GET", "/v1/models/street/versions/x", 422, "invalid_request"),
        ("GET", "/v1/models/street/versions?after=x", 404, "not_found"),
        ("GET", "/problems/nothing", 404, "not_found"),
    ],
)
def test_the_frameworks_own_refusals_are_problems_too(
    api: TestClient, method: str, path: str, status: int, code: str
) -> None:
    # a client reads one kind of error, whoever raised it
    assert problem_of(api.request(method, path), status)["code"] == code


def test_an_unknown_student_names_the_nearest(api: TestClient, service: Service) -> None:
    # the sentence that a person who mistyped a name needs
    dataset = add_ready_dataset(service)
    body = {"dataset": dataset.id, "student": {"type": "arch", "arch": "segformer_b00"}}
    found = problem_of(api.post("/v1/jobs", json=body), 422)
    assert found["detail"] == 'Unknown student "segformer_b00". Did you mean "segformer_b0"?'
    assert found["code"] == "unknown_name"
    assert found["errors"][0]["pointer"] == "#/student/arch"


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"stduent": {"arch": "ddrnet_23"}}, 'Unknown fields are not permitted. Did you mean "student"?'),
        ({"regsiter": {"model": "street"}}, 'Unknown fields are not permitted. Did you mean "register"?'),
        (
            {"method": {"type": "bpkd", "lamda_edge": 1}},
            'Unknown fields are not permitted. Did you mean "lambda_edge"?',
        ),
        ({"steps": 100}, "Unknown fields are not permitted"),  # it is one, elsewhere
        ({"zzz": 1}, "Unknown fields are not permitted"),
    ],
)
def test_a_mistyped_field_names_the_nearest(
    api: TestClient, service: Service, change: dict[str, object], sentence: str
) -> None:
    # a slip of the hand is found by who made it
    body = {"dataset": add_ready_dataset(service).id, "student": {"arch": "ddrnet_23_nano"}, **change}
    assert problem_of(api.post("/v1/jobs", json=body), 422)["errors"][0]["detail"] == sentence


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"method": {"type": "bpkd", "alpha": -1}}, "#/method/alpha"),
        ({"method": {"type": "magic"}}, "#/method/type"),
        ({"method": {"type": "two words"}}, "#/method/type"),
        ({"train": {"steps": 10**12}}, "#/train/steps"),
        ({"train": {"crop": [512, 500]}}, "#/train"),
        ({"metadata": {"a": 1}}, "#/metadata/a"),
        ({"metadata": {str(number): "" for number in range(17)}}, "#/metadata"),
        ({"register": {"model": "Street Fast"}}, "#/register/model"),
        ({"dataset": "ds_1"}, "#/dataset"),
        ({"surprise": True}, "#/surprise"),
        ({"name": "\ud800"}, "#/name"),
        ({"teacher": {"type": "train", "arch": "pspnet_r18", "train": {"input_downscale": 2}}}, "#"),
        ({"student": {"arch": "\ud800"}}, "#/student/arch"),
        ({"teacher": {"type": "train", "arch": "x" * 10**5}}, "#/teacher/arch"),
    ],
)
def test_a_wrong_field_is_named_by_a_pointer(
    api: TestClient, service: Service, change: dict[str, object], pointer: str
) -> None:
    # the page of a form marks the field by this pointer
    body = {"dataset": add_ready_dataset(service).id, "student": {"arch": "ddrnet_23_nano"}, **change}
    answer = api.post("/v1/jobs", content=json.dumps(body), headers={"Content-Type": "application/json"})
    assert [each["pointer"] for each in problem_of(answer, 422)["errors"]] == [pointer]


@pytest.mark.parametrize(
    ("content", "status"),
    [
        (b"{", 400),
        (b"\xff\xfe", 400),
        (b"[" * 100_000, 400),
        (b'{"name": ' + b"1" * 5000 + b"}", 400),
        (b"[]", 422),
        (b"null", 422),
        (b"", 422),
        (b'{"name": NaN, "path": "/"}', 422),
    ],
)
def test_a_body_that_is_no_json_object_is_refused(api: TestClient, content: bytes, status: int) -> None:
    # parsers have limits of their own, and none may show as a 500
    problem_of(api.post("/v1/datasets", content=content, headers={"Content-Type": "application/json"}), status)


@pytest.mark.parametrize("headers", [{}, {"Content-Type": "application/x-www-form-urlencoded"}])
def test_a_body_without_its_type_is_told_to_name_it(api: TestClient, headers: dict[str, str]) -> None:
    # curl -d sends a form's type: the commonest first mistake of all
    found = problem_of(api.post("/v1/datasets", content=b'{"name": "x", "path": "/"}', headers=headers), 415)
    assert "Content-Type: application/json" in str(found["detail"])


@pytest.mark.parametrize(
    ("method", "path", "options", "pointer"),
    [
        ("GET", "/v1/jobs/job_x", {}, "/job_id"),
        ("GET", "/v1/jobs/job_x/artifacts/report.html", {}, "/job_id"),
        ("GET", "/v1/models/nothing/versions/3", {}, "/model"),
        ("GET", "/v1/models/street/versions/3", {}, "/version"),
        ("POST", "/v1/models/street/infer?version=3", {"content": b"x"}, "?version"),
        ("POST", "/v1/models/nothing/infer", {"content": b"x"}, "/model"),
        ("POST", "/v1/jobs", {"json": {"dataset": "ds_" + "0" * 26, "student": {"arch": "ddrnet_23"}}}, "#/dataset"),
        ("POST", "/v1/jobs", {"content": b"{", "headers": {"Content-Type": "application/json"}}, "#"),
        ("POST", "/v1/jobs", {"content": b"{}"}, "Content-Type"),
        ("GET", "/v1/jobs?limit=0", {}, "?limit"),
        ("GET", "/v1/jobs", {"headers": {"Authorization": "Bearer bpkd_x"}}, "Authorization"),
        ("GET", "/v1/jobs", {"headers": {"Host": "example.org"}}, "Host"),
        ("POST", "/v1/jobs", {"headers": {"Origin": "https://example.org"}}, "Origin"),
        ("DELETE", "/v1/models/x/aliases/y", {"headers": {"If-Match": "yes"}}, "If-Match"),
        ("PUT", "/v1/models/street/aliases/y", {"json": {"version": 3}}, "#/version"),
    ],
)
def test_a_refusal_says_where_and_what_would_work(
    api: TestClient, service: Service, method: str, path: str, options: dict[str, Any], pointer: str
) -> None:
    # the two questions of whoever reads it; a form marks the field, a script prints the hint
    publish(service)
    found = api.request(method, path, **options).json()
    assert [each["pointer"] for each in found["errors"]] == [pointer]
    assert found["hint"]


def test_the_other_job_of_a_comparison_is_blamed_in_the_query(api: TestClient, service: Service) -> None:
    # both are jobs, and only one is in the path
    job = add_job(service)
    found = problem_of(api.get(f"/v1/jobs/{job.id}/diff?other=job_x"), 404)
    assert found["errors"][0]["pointer"] == "?other"


def test_what_was_sent_is_never_repeated(api: TestClient) -> None:
    # a body may hold a secret in the wrong field, and problems are logged
    answer = api.post("/v1/datasets", json={"name": "x", "path": {"secret": "hunter2"}})
    assert "hunter2" not in answer.text


def test_a_dataset_that_is_not_ready_is_a_conflict(api: TestClient, service: Service) -> None:
    # the same request succeeds later, so it is no 422
    body = {"dataset": add_dataset(service).id, "student": {"arch": "ddrnet_23_nano"}}
    assert problem_of(api.post("/v1/jobs", json=body), 409)["code"] == "conflict"


@pytest.mark.parametrize(
    ("error", "status", "header"),
    [
        (Busy("full", retry_after_s=2.5), 429, ("retry-after", "3")),
        (Unavailable("the database does not answer"), 503, ("retry-after", "1")),
    ],
)
def test_try_again_says_when(error: BpkdError, status: int, header: tuple[str, str]) -> None:
    # clients wait as long as they are told, and not at all if they are told nothing
    answer = _raising(error).get("/")
    assert (answer.status_code, answer.headers[header[0]]) == (status, header[1])


def test_a_surprise_answers_500_and_tells_nothing(caplog: pytest.LogCaptureFixture) -> None:
    # the log has the traceback; a stranger gets an id to quote
    answer = _raising(RuntimeError("password=hunter2")).get("/")
    assert (answer.status_code, answer.json()["code"]) == (500, "internal")
    assert "hunter2" not in answer.text
    assert "hunter2" in caplog.text


def test_every_code_has_a_page(api: TestClient) -> None:
    # `type` of each problem is a link; a dead one would help nobody
    assert set(pages.explanations()) == set(REMEDIES)
    for code, explanation in pages.explanations().items():
        page = api.get(f"/problems/{code}")
        assert page.status_code == 200
        assert explanation.text in html.unescape(page.text)
        assert explanation.hint in html.unescape(page.text)
    assert "invalid_image" in api.get("/problems").text


def test_pages_load_nothing_from_elsewhere(api: TestClient) -> None:
    # they are read on machines without a network
    for page in ("/docs", "/problems", "/problems/busy"):
        text = api.get(page).text
        assert "http://" not in text
        assert "https://" not in text
        assert "<script" not in text


def _raising(error: Exception) -> TestClient:
    app = FastAPI()
    errors.install(app)

    @app.get("/")
    def fail() -> None:
        raise error

    return TestClient(app, raise_server_exceptions=False)
