"""`bpkd webhooks ...` and the client below it, against a server that really sends."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from bpkd_command import Bpkd
from fakes.receiver import Receiver
from fakes.records import add_ready_dataset
from fakes.services import memory_service
from fakes.waiting import wait_for
from standardwebhooks import Webhook as Verifier

from service.client import Client
from service.schemas import JobRequest
from service.wiring import Service

SECRET = "whsec_" + "c2VjcmV0" * 5


@pytest.fixture
def service(tmp_path: Path) -> Service:
    return memory_service(tmp_path / "home", import_roots=(tmp_path,), webhook_private_hosts=("127.0.0.1",))


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as receiver:
        yield receiver


def test_a_webhook_from_its_making_to_its_end(bpkd: Bpkd, url: str, receiver: Receiver) -> None:
    # everything that a person does with one, without a line of code
    receiver.status, receiver.body = [503, 204, 204], b"out of coffee\nsee you"
    made = bpkd("webhooks", "create", receiver.url, "--event", "job.failed", "--description", "pager", "--json").json
    assert made["secret"].startswith("whsec_")
    assert "is queued" in bpkd("webhooks", "ping", made["id"]).out
    wait_for(lambda: "503 out of coffee" in bpkd("webhooks", "deliveries", made["id"]).out, "the first try")
    listed = bpkd("webhooks", "list").out
    assert "failing" in listed
    assert "job.failed" in listed
    rotated = bpkd("webhooks", "rotate", made["id"]).out.strip()
    bpkd("webhooks", "replay", made["id"], "1")
    wait_for(lambda: "delivered" in bpkd("webhooks", "deliveries", made["id"]).out, "the second")
    again = receiver.received[1]
    assert Verifier(rotated).verify(again.body, again.headers)["type"] == "ping"
    assert bpkd("webhooks", "delete", made["id"]).code == 0
    assert bpkd("webhooks", "list", "--json").json["data"] == []


def test_an_address_inside_is_refused_in_a_sentence(bpkd: Bpkd, url: str) -> None:
    # with the setting that would allow it
    refused = bpkd("webhooks", "create", "https://192.168.0.1/hook")
    assert refused.code == 1
    assert "192.168.0.1 is a private address" in refused.err
    assert "BPKD_WEBHOOK_PRIVATE_HOSTS" in refused.err


def test_a_typed_request_keeps_its_webhooks_and_their_secrets(url: str, service: Service, receiver: Receiver) -> None:
    # what is hidden from answers must still be sent
    webhook = {"url": receiver.url, "events": ["job.cancelled"], "secret": SECRET}
    student = {"type": "arch", "arch": "ddrnet_23_nano"}
    request = {"dataset": add_ready_dataset(service).id, "student": student, "webhooks": [webhook]}
    with Client(url) as client:
        job = client.jobs.create(JobRequest.model_validate(request))
        client.jobs.cancel(job.id)
        wait_for(lambda: receiver.received, "the message")
        (listed,) = client.webhooks.list(job=job.id).data
        assert client.webhooks.delivery(listed.id, 1).type == "job.cancelled"
        assert [each.id for each in client.webhooks.iterate()] == [listed.id]
    assert Verifier(SECRET).verify(receiver.received[0].body, receiver.received[0].headers)["data"]["job"] == job.id
