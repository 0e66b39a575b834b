"""F40: the outbox with real servers on a real database, several at once, killed in the middle."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import sqlalchemy as sa
from fakes.receiver import Receiver
from fakes.servers import process
from fakes.waiting import wait_for

from service.domain.ports import Page
from service.domain.webhooks import Webhook
from service.settings import read_settings
from service.wiring import Service, wire

ALLOWED = {"BPKD_WEBHOOK_PRIVATE_HOSTS": "127.0.0.1"}


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    service = wire(read_settings(home=tmp_path))
    yield service
    service.close()


def add_webhook(service: Service, receiver: Receiver) -> str:
    webhook = Webhook(service.new_id("wh"), receiver.url, "whsec_" + "c2VjcmV0" * 5, service.now())
    return service.webhooks.add(webhook).id


def states(service: Service, webhook_id: str) -> list[str]:
    return [each.state for each in service.webhooks.deliveries(webhook_id, Page(limit=100)).data]


def test_f40_two_servers_send_each_message_once(service: Service, tmp_path: Path) -> None:
    """Replicas share one outbox; a receiver must not get everything twice."""
    with Receiver() as receiver, ExitStack() as servers:
        webhooks = [add_webhook(service, receiver) for _ in range(4)]
        for webhook_id in webhooks * 5:
            service.webhooks.ping(webhook_id, service.new_id("msg"))
        for _ in range(2):
            servers.enter_context(process(tmp_path, 0, **ALLOWED))
        wait_for(lambda: all(set(states(service, each)) == {"delivered"} for each in webhooks), "all messages")
        assert len({each.headers["webhook-id"] for each in receiver.received}) == len(receiver.received) == 20


def test_f40_what_a_killed_server_was_sending_is_sent_again(service: Service, tmp_path: Path) -> None:
    """At least once, under one id; nothing is lost with the process."""
    gate = threading.Event()
    with Receiver(gate=gate) as receiver:
        webhook_id = add_webhook(service, receiver)
        service.webhooks.ping(webhook_id, "msg_1")
        with process(tmp_path, 0, **ALLOWED) as first:
            wait_for(lambda: receiver.received, "the first try")
            first.send_signal(signal.SIGKILL)
            first.wait()
        gate.set()
        assert states(service, webhook_id) == ["sending"]
        expire_leases(tmp_path)
        with process(tmp_path, 0, **ALLOWED):
            wait_for(lambda: states(service, webhook_id) == ["delivered"], "the second")
        assert [each.headers["webhook-id"] for each in receiver.received] == ["msg_1", "msg_1"]


def expire_leases(home: Path) -> None:
    """As if the minute were over that a dead sender keeps a message."""
    engine = sa.create_engine(f"sqlite:///{home / 'bpkd.sqlite'}")
    with engine.begin() as connection:
        connection.execute(
            sa.text("UPDATE deliveries SET next_at = '2026-01-01 00:00:00.000000' WHERE state = 'sending'")
        )
    engine.dispose()
