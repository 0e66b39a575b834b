"""`Idempotency-Key` on every POST: what is sent twice happens once."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from fakes.networks import threshold_onnx
from fakes.records import add_job, add_ready_dataset
from fakes.services import publish
from starlette.testclient import TestClient

from service.api.__main__ import openapi_text
from service.domain import submission
from service.domain.webhooks import Webhook
from service.wiring import Service

POSTS = {
    operation["operationId"]: operation
    for methods in json.loads(openapi_text())["paths"].values()
    for method, operation in methods.items()
    if method == "post"
}
STATELESS = {"models_infer": "nothing is stored, so that a repeat is harmless"}
STUDENT = {"arch": "ddrnet_23_nano"}


def test_every_post_takes_a_key() -> None:
    # a client that lost the answer sends the request again, whatever it asked for
    without = {
        name
        for name, operation in POSTS.items()
        if "Idempotency-Key" not in {each["name"] for each in operation.get("parameters", ())}
    }
    assert without == set(STATELESS)


@pytest.fixture
def requests(service: Service, tmp_path: Path) -> dict[str, tuple[str, Any, Any]]:
    """Operation -> its address, a body, and another body that the same key must not be used for."""
    dataset, job, failed = add_ready_dataset(service, tmp_path), add_job(service), add_job(service)
    submission.cancel(service.jobs, failed.id)
    publish(service), publish(service, threshold_onnx(99))
    file = tmp_path / "theirs.onnx"
    file.write_bytes(threshold_onnx(7))
    hook = service.webhooks.add(
        Webhook(service.new_id("whk"), "https://example.org/", "whsec_" + "A" * 32, service.now())
    )
    ping = service.webhooks.ping(hook.id, "msg_1")
    return {
        "datasets_create": ("/v1/datasets", {"name": "a", "path": str(tmp_path)}, {"name": "b", "path": str(tmp_path)}),
        "teachers_create": ("/v1/teachers", {"name": "a", "dataset": dataset.id}, {"name": "b", "dataset": dataset.id}),
        "jobs_create": (
            "/v1/jobs",
            {"dataset": dataset.id, "student": STUDENT},
            {"dataset": dataset.id, "student": STUDENT, "name": "b"},
        ),
        "jobs_cancel": (f"/v1/jobs/{job.id}/cancel", None, None),
        "jobs_retry": (f"/v1/jobs/{failed.id}/retry", None, None),
        "aliases_rollback": ("/v1/models/street/aliases/production/rollback", {"reason": "a"}, {"reason": "b"}),
        "versions_create": (
            "/v1/models/theirs/versions",
            {"path": str(file)},
            {"path": str(file), "alias_on_success": "candidate"},
        ),
        "webhooks_create": (
            "/v1/webhooks",
            {"url": "https://example.org/a"},
            {"url": "https://example.org/b"},
        ),
        "webhooks_rotate": (f"/v1/webhooks/{hook.id}/rotate", None, None),
        "webhooks_ping": (f"/v1/webhooks/{hook.id}/ping", None, None),
        "webhooks_replay": (f"/v1/webhooks/{hook.id}/deliveries/{ping.number}/replay", None, None),
    }


@pytest.mark.parametrize("operation", sorted(set(POSTS) - set(STATELESS)))
def test_a_post_that_is_sent_twice_happens_once(
    api: TestClient, requests: dict[str, tuple[str, Any, Any]], operation: str
) -> None:
    # a new POST has to be written into the table above, and then it is held to the promise
    path, body, other = requests[operation]
    key = {"Idempotency-Key": "once"}
    first, second = (api.post(path, json=body, headers=key) for _ in range(2))
    assert first.status_code in (200, 201, 202), first.text
    assert "idempotency-replayed" not in first.headers
    assert (second.status_code, second.headers["idempotency-replayed"]) == (first.status_code, "true")
    assert second.json() == first.json()
    assert second.headers.get("location") == first.headers.get("location")
    if first.status_code == 201:
        assert api.get(first.headers["location"]).status_code == 200
    if other is not None:
        wrong = api.post(path, json=other, headers=key)
        assert (wrong.status_code, wrong.json()["code"]) == (422, "idempotency_mismatch")
