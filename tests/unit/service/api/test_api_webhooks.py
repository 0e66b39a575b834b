"""Webhooks over HTTP: made, told, verified by the public library, looked at, sent again."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from fakes.receiver import Receiver
from fakes.records import add_job, add_ready_dataset
from fakes.services import memory_service
from fakes.waiting import wait_for
from standardwebhooks import Webhook as Verifier
from starlette.testclient import TestClient

from service.api import app, courier, create_app
from service.api.courier import Courier
from service.domain import submission
from service.domain.deliveries import Delivery
from service.domain.errors import Unavailable
from service.domain.webhooks import Webhook
from service.wiring import Service


@pytest.fixture
def service(tmp_path: Path) -> Service:
    return memory_service(tmp_path / "home", import_roots=(tmp_path,), webhook_private_hosts=("127.0.0.1",))


@pytest.fixture
def api(service: Service) -> TestClient:
    # without its lifespan: the courier runs when a test says so
    return TestClient(create_app(service), raise_server_exceptions=False)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as receiver:
        yield receiver


def deliver(service: Service) -> None:
    """Send everything that is due, and wait until it is concluded."""

    async def once() -> None:
        sender = Courier(service.webhooks, service.outgoing, service.now)
        for _ in range(20):
            await sender.collect()
            if not sender._flying:
                return
            await asyncio.gather(*sender._flying)
        raise AssertionError("the outbox does not become empty")

    asyncio.run(once())


def create(api: TestClient, receiver: Receiver, **fields: object) -> dict[str, object]:
    answer = api.post("/v1/webhooks", json={"url": receiver.url, **fields})
    assert answer.status_code == 201, answer.text
    assert answer.headers["location"] == f"/v1/webhooks/{answer.json()['id']}"
    return answer.json()


def test_what_arrives_is_what_the_library_of_the_standard_accepts(
    api: TestClient, service: Service, receiver: Receiver
) -> None:
    # receivers are written by others, with that library or one like it
    webhook = create(api, receiver, events=["job.cancelled"])
    job = add_job(service)
    submission.cancel(service.jobs, job.id)
    deliver(service)
    (got,) = receiver.received
    said = Verifier(str(webhook["secret"])).verify(got.body, got.headers)
    assert (said["type"], said["data"]["job"], said["data"]["status"]) == ("job.cancelled", job.id, "cancelled")
    events = api.get(f"/v1/jobs/{job.id}/events").json()["data"]
    assert got.headers["webhook-id"] in {event["id"] for event in events}


def test_the_secret_is_shown_once(api: TestClient, receiver: Receiver) -> None:
    # who can read webhooks must not be able to forge them
    webhook = create(api, receiver)
    for path in (f"/v1/webhooks/{webhook['id']}", "/v1/webhooks"):
        assert str(webhook["secret"]) not in api.get(path).text


def test_a_rotated_secret_signs_and_so_does_the_one_before(
    api: TestClient, service: Service, receiver: Receiver
) -> None:
    # whoever changes over misses nothing
    webhook = create(api, receiver)
    rotated = api.post(f"/v1/webhooks/{webhook['id']}/rotate").json()
    assert rotated["secret"] not in (None, webhook["secret"])
    api.post(f"/v1/webhooks/{webhook['id']}/ping")
    deliver(service)
    for secret in (webhook["secret"], rotated["secret"]):
        assert Verifier(secret).verify(receiver.received[0].body, receiver.received[0].headers)["type"] == "ping"


def test_the_log_tells_what_came_back_and_a_message_can_be_sent_again(
    api: TestClient, service: Service, receiver: Receiver
) -> None:
    # the first thing that somebody needs whose receiver was broken
    receiver.status, receiver.body = [500, 200], b"<h1>out of coffee</h1>\x00" + b"x" * 5000
    webhook = create(api, receiver)
    queued = api.post(f"/v1/webhooks/{webhook['id']}/ping")
    assert (queued.status_code, queued.json()["state"]) == (202, "pending")
    deliver(service)
    (failed,) = api.get(f"/v1/webhooks/{webhook['id']}/deliveries").json()["data"]
    (attempt,) = failed["attempts"]
    assert (attempt["status"], attempt["error"]) == (500, None)
    assert attempt["answer"].startswith("<h1>out of coffee</h1>\N{REPLACEMENT CHARACTER}x")
    assert len(attempt["answer"]) == 512
    assert attempt["duration_ms"] > 0
    assert failed["next_attempt_at"] > failed["created_at"]
    assert api.get(f"/v1/webhooks/{webhook['id']}").json()["state"] == "failing"
    again = api.post(f"/v1/webhooks/{webhook['id']}/deliveries/1/replay")
    assert again.status_code == 202
    deliver(service)
    delivered = api.get(f"/v1/webhooks/{webhook['id']}/deliveries/1").json()
    assert (delivered["state"], len(delivered["attempts"])) == ("delivered", 2)
    first, second = (each.headers["webhook-id"] for each in receiver.received)
    assert first == second == delivered["message_id"]
    assert api.get(f"/v1/webhooks/{webhook['id']}").json()["state"] == "active"


def test_a_repeated_ping_is_one_ping(api: TestClient, service: Service, receiver: Receiver) -> None:
    # a client that lost the answer sends the request again
    webhook, key = create(api, receiver), {"Idempotency-Key": "k"}
    first, second = (api.post(f"/v1/webhooks/{webhook['id']}/ping", headers=key) for _ in range(2))
    assert (first.status_code, second.status_code) == (202, 202)
    assert first.json() == second.json()
    assert second.headers["idempotency-replayed"] == "true"


def test_a_repeated_create_shows_the_same_webhook_and_secret(api: TestClient, receiver: Receiver) -> None:
    # otherwise the secret would be lost with the first answer
    body, key = {"url": receiver.url}, {"Idempotency-Key": "k"}
    first, second = (api.post("/v1/webhooks", json=body, headers=key) for _ in range(2))
    assert first.json() == second.json()
    assert len(api.get("/v1/webhooks").json()["data"]) == 1


def test_a_deleted_webhook_is_told_nothing(api: TestClient, service: Service, receiver: Receiver) -> None:
    # not even what was queued before
    webhook = create(api, receiver)
    api.post(f"/v1/webhooks/{webhook['id']}/ping")
    assert api.delete(f"/v1/webhooks/{webhook['id']}").status_code == 204
    deliver(service)
    assert receiver.received == []
    assert api.get(f"/v1/webhooks/{webhook['id']}").status_code == 404


@pytest.mark.parametrize(
    "url",
    [
        "http://example.org/hook",
        "https://10.0.0.1/hook",
        "https://[::1]/hook",
        "https://[::ffff:10.0.0.1]/",
        "https://[64:ff9b::10.0.0.1]/",
        "https://localhost/",
        "https://169.254.169.254/latest/meta-data",
        "https://user:password@example.org/",
        "https://example.org/#part",
        "ftp://example.org/",
        "https:///hook",
        "https://exa mple.org/",
        "https://[::1/",
        "https://example.org:99999/",
        "https://example.org/\n",
        "nothing",
    ],
)
def test_an_address_that_may_not_be_asked_is_refused_where_it_is_given(api: TestClient, url: str) -> None:
    # the sentence reaches who typed it, not only a log
    answer = api.post("/v1/webhooks", json={"url": url})
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "#/url"), answer.text


def test_secrets_appear_in_no_log(
    api: TestClient, service: Service, receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    # logs travel further than the people who may sign
    caplog.set_level(logging.DEBUG)
    receiver.status = [500, 204]
    webhook = create(api, receiver)
    rotated = api.post(f"/v1/webhooks/{webhook['id']}/rotate").json()
    api.post(f"/v1/webhooks/{webhook['id']}/ping")
    deliver(service)
    stored = service.webhooks.get(str(webhook["id"]))
    assert len(caplog.records) > 1
    for secret in (webhook["secret"], rotated["secret"]):
        assert str(secret) not in caplog.text + repr(stored)


def test_the_courier_runs_beside_the_requests(service: Service, receiver: Receiver) -> None:
    # nobody has to start anything
    with TestClient(create_app(service)) as api:
        webhook = create(api, receiver)
        api.post(f"/v1/webhooks/{webhook['id']}/ping")
        wait_for(lambda: receiver.received, "the courier")
    assert json.loads(receiver.received[0].body)["type"] == "ping"


def submit(api: TestClient, service: Service, *webhooks: dict[str, object]) -> dict[str, Any]:
    body = {"dataset": add_ready_dataset(service).id, "student": {"type": "arch", "arch": "ddrnet_23_nano"}}
    return api.post("/v1/jobs", json={**body, "webhooks": list(webhooks)}).json()


def test_a_job_brings_its_own_webhook_with_its_own_secret(
    api: TestClient, service: Service, receiver: Receiver
) -> None:
    # a script that waits for one job needs no endpoint for all of them; the secret is in no answer
    secret = "whsec_" + "c2VjcmV0" * 5
    job = submit(api, service, {"url": receiver.url, "events": ["job.cancelled"], "secret": secret})
    submit(api, service)
    for each in api.get("/v1/jobs").json()["data"]:
        api.post(f"/v1/jobs/{each['id']}/cancel")
    deliver(service)
    (got,) = receiver.received
    assert Verifier(secret).verify(got.body, got.headers)["data"]["job"] == job["id"]
    (listed,) = api.get("/v1/webhooks", params={"job": job["id"]}).json()["data"]
    assert (listed["job"], listed["url"]) == (job["id"], receiver.url)
    seen = json.dumps([job, listed, api.get(f"/v1/jobs/{job['id']}").json()])
    assert secret not in seen
    assert "webhooks" not in job["request"]


def test_who_waits_for_a_job_waits_for_its_retry(api: TestClient, service: Service, receiver: Receiver) -> None:
    # it is the result that is waited for, not the attempt
    secret = "whsec_" + "c2VjcmV0" * 5
    job = submit(api, service, {"url": receiver.url, "events": ["job.queued"], "secret": secret})
    api.post(f"/v1/jobs/{job['id']}/cancel")
    again = api.post(f"/v1/jobs/{job['id']}/retry").json()
    deliver(service)
    told = [Verifier(secret).verify(each.body, each.headers)["data"]["job"] for each in receiver.received]
    assert sorted(told) == sorted([job["id"], again["id"]])  # two webhooks keep no order between them


def test_a_job_whose_webhook_may_not_be_asked_is_refused(api: TestClient, service: Service) -> None:
    # before anything is stored, in a dry run as well
    body = {"dataset": add_ready_dataset(service).id, "student": {"type": "arch", "arch": "ddrnet_23_nano"}}
    wrong = {"#/webhooks/0/url": {"url": "https://10.0.0.1/"}, "#/webhooks/0/secret": {"url": "https://example.org/"}}
    for pointer, webhook in wrong.items():
        secret = {"secret": "whsec_" + "A" * 33} if "secret" in pointer else {}
        answer = api.post("/v1/jobs?dry_run=true", json={**body, "webhooks": [{**webhook, **secret}]})
        assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, pointer), answer.text
        assert "AAAA" not in answer.text


def test_the_log_is_cleared_of_what_is_old(
    api: TestClient, service: Service, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    # a server that runs for years must not keep every message
    webhook = create(api, receiver)
    api.post(f"/v1/webhooks/{webhook['id']}/ping")
    deliver(service)
    app._tidy(service)
    assert len(api.get(f"/v1/webhooks/{webhook['id']}/deliveries").json()["data"]) == 1
    monkeypatch.setattr(app, "KEEP_S", -1)
    app._tidy(service)
    assert api.get(f"/v1/webhooks/{webhook['id']}/deliveries").json()["data"] == []


def test_the_courier_outlives_a_store_that_is_away(
    service: Service, receiver: Receiver, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    # a database that restarts must not end the deliveries for the rest of the process's life
    claim, answers = service.webhooks.claim, [Unavailable("The database does not answer"), RuntimeError("a surprise")]

    def sometimes(limit: int) -> Sequence[tuple[Webhook, Delivery]]:
        if answers:
            raise answers.pop(0)
        return claim(limit)

    monkeypatch.setattr(service.webhooks, "claim", sometimes)
    monkeypatch.setattr(courier, "POLL_S", 0.01)
    with TestClient(create_app(service)) as api:
        webhook = create(api, receiver)
        api.post(f"/v1/webhooks/{webhook['id']}/ping")
        wait_for(lambda: receiver.received, "the courier")
    assert "The outbox of webhooks cannot be read" in caplog.text
