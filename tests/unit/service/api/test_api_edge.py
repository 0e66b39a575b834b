"""The layer in front of every route: hosts, origins, sizes, ids, counters."""

from __future__ import annotations

import pytest
from starlette.testclient import TestClient

from service.api.edge import MAX_JSON_BYTES
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
