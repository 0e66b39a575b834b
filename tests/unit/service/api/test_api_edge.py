"""The layer in front of every route: hosts, origins, sizes, paces, ids, counters."""

from __future__ import annotations

import asyncio

import pytest
from fakes.records import add_job
from fakes.services import publish
from starlette.testclient import TestClient
from starlette.types import Message

from service.api import bodies
from service.api.edge import MAX_JSON_BYTES
from service.domain.errors import TooSlow
from service.wiring import Service


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("testserver", 200),
        ("TestServer:8400", 200),
        ("127.0.0.1:1", 200),
        ("evil.example", 421),
        ("testserver.evil.example", 421),
        ("", 421),
        ("[::1]", 421),
        ("[::1", 421),
    ],
)
def test_only_allowed_hosts_are_answered(api: TestClient, host: str, status: int) -> None:
    # a page of another name that resolves to this machine must not read what is here
    assert api.get("/healthz", headers={"Host": host}).status_code == status


def test_a_foreign_page_may_not_write(api: TestClient) -> None:
    # a browser sends such requests without asking; a loopback server has no key to stop them
    for origin, status in (("https://evil.example", 403), ("null", 403), ("http://127.0.0.1:3000", 404)):
        assert api.post("/v1/jobs/job_x/cancel", headers={"Origin": origin}).status_code == status
    assert api.get("/healthz", headers={"Origin": "https://evil.example"}).status_code == 200


def test_a_declared_body_over_the_limit_is_refused_unread(api: TestClient, service: Service) -> None:
    # the sender learns it before it has sent everything
    limit = service.settings.max_body_bytes
    answer = api.post("/v1/models/street/infer", content=b"", headers={"Content-Length": str(limit + 1)})
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")


def test_json_has_a_limit_of_its_own(api: TestClient) -> None:
    # parsed JSON takes many times its size
    body = b'{"name": "' + b"x" * MAX_JSON_BYTES + b'"}'
    answer = api.post("/v1/datasets", content=body, headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")


@pytest.mark.parametrize("path", ["/v1/datasets", "/v1/models/street/infer"])
def test_an_endless_body_ends(api: TestClient, path: str) -> None:
    # without a declared length only counting helps
    chunks = (bytes(1 << 16) for _ in range(32))
    answer = api.post(path, content=chunks, headers={"Content-Type": "application/json"})
    assert "content-length" not in answer.request.headers
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")


def test_a_body_that_drips_is_given_up() -> None:
    # F34: chunks that bring nothing would hold a place for ever
    async def drip() -> Message:
        await asyncio.sleep(0)
        return {"type": "http.request", "body": b"", "more_body": True}

    async def read_on() -> None:
        receive = bodies.hurried(drip, patience_s=0.01)
        while True:
            await receive()

    with pytest.raises(TooSlow, match="a body must bring"):
        asyncio.run(read_on())


def test_after_its_body_a_caller_may_wait_as_long_as_it_likes() -> None:
    # a stream of events is open for hours, and only waits for the caller's leaving
    messages = [{"type": "http.request", "body": b""}, {"type": "http.disconnect"}]

    async def receive() -> Message:
        if len(messages) == 1:
            await asyncio.sleep(0.02)  # longer than the body's patience
        return messages.pop(0)

    async def read() -> list[str]:
        patient = bodies.hurried(receive, patience_s=0.01)
        return [(await patient())["type"] for _ in range(2)]

    assert asyncio.run(read()) == ["http.request", "http.disconnect"]


@pytest.mark.parametrize("path", ["/healthz", "/v1/jobs", "/v1/models/street/versions/1/onnx", "/v1/nothing", "/docs"])
def test_head_answers_as_get_does_without_the_body(api: TestClient, service: Service, path: str) -> None:
    # download managers ask how large a file is before they begin
    publish(service)
    get, head = api.get(path), api.head(path, headers={"Range": "bytes=0-0"})
    assert (head.status_code, head.content) == (get.status_code, b"")
    same = ("content-type", "content-length", "etag")
    assert [head.headers.get(name) for name in same] == [get.headers.get(name) for name in same]


def test_head_of_a_stream_ends(api: TestClient, service: Service) -> None:
    # the job may take two days
    path = f"/v1/jobs/{add_job(service).id}/events"
    answer = api.head(path, headers={"Accept": "text/event-stream"})
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/event-stream; charset=utf-8")


def test_head_of_what_is_only_posted_names_what_is_spoken(api: TestClient) -> None:
    # `Allow` tells all methods of an address, whichever route has them
    assert api.head("/v1/models/street/infer").headers["allow"] == "POST"
    assert api.delete("/v1/jobs").headers["allow"] == "GET, HEAD, POST"
    assert api.post("/v1/models/street/aliases/production").headers["allow"] == "DELETE, GET, HEAD, PUT"


def test_each_request_has_an_id(api: TestClient) -> None:
    # it joins the answer to the log; a caller may bring a harmless one of its own
    first, second = (api.get("/healthz").headers["x-request-id"] for _ in range(2))
    assert first.startswith("req_")
    assert first != second
    assert api.get("/healthz", headers={"X-Request-Id": "trace-1"}).headers["x-request-id"] == "trace-1"
    assert api.get("/healthz", headers={"X-Request-Id": "a b"}).headers["x-request-id"].startswith("req_")


def test_counters_are_labelled_by_route_template(api: TestClient) -> None:
    # a label per id would fill the memory of whoever collects them
    api.get("/v1/jobs/job_secret")
    api.get("/nowhere/secret")
    text = api.get("/metrics").text
    assert 'bpkd_http_requests_total{method="GET",route="/v1/jobs/{job_id}",status="404"} 1.0' in text
    assert 'route="unknown"' in text
    assert "secret" not in text


def test_a_log_line_names_the_ids_of_the_path_and_nothing_else_in_it(
    api: TestClient, service: Service, caplog: pytest.LogCaptureFixture
) -> None:
    # what happened to a job is found by its id; a file that is called `name` must not break the line
    caplog.set_level("INFO", logger="service.api.access")
    job = add_job(service)
    api.get(f"/v1/jobs/{job.id}/artifacts/secret"), api.get("/v1/jobs/secret%0A")
    of_job, of_nothing = (record.__dict__ for record in caplog.records)
    assert of_job["job_id"] == job.id
    assert "job_id" not in of_nothing
    assert "secret" not in f"{of_job} {of_nothing}"


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"name": "a\0b"}, "#/name"),
        ({"metadata": {"a\0b": "c"}}, "#/metadata/a\0b"),
        ({"metadata": {"a": "\0"}}, "#/metadata/a"),
    ],
)
def test_text_that_not_every_store_can_keep_is_refused(
    api: TestClient, change: dict[str, object], pointer: str
) -> None:
    # one NUL in SQLite, and no backup of it could ever be restored into PostgreSQL
    answer = api.post("/v1/datasets", json={"name": "streets", **change})
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, pointer)
    assert api.post("/v1/datasets", json={"name": "two\nlines and a tab\t"}).status_code == 201
