"""The port Webhooks, on every store: an outbox that loses nothing and tells nobody twice at once."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from stores import NOW, Stores

from bpkd_core.errors import InvalidInput
from service.domain import lifecycle, work
from service.domain.deliveries import DISABLE_AFTER_S, LEASE_S, WAITS_S, Attempt, Delivery
from service.domain.errors import NotFound
from service.domain.idempotency import Once
from service.domain.ports import Page
from service.domain.webhooks import Webhook

WELL = Attempt(NOW, 12.5, status=204)
BADLY = Attempt(NOW, 12.5, status=500, answer="out of coffee\n")
GONE = Attempt(NOW, 12.5, status=410)
OLDEST_FIRST = Page(limit=100, order="asc")


def add(stores: Stores, **changes: object) -> Webhook:
    fresh = Webhook(f"wh_{stores.number()}", "https://example.org/hook", "whsec_c2VjcmV0", NOW)
    return stores.webhooks.add(replace(fresh, **changes))


def sent(stores: Stores, webhook: Webhook) -> list[str]:
    return [each.type for each in stores.webhooks.deliveries(webhook.id, OLDEST_FIRST).data]


def take(stores: Stores) -> Delivery:
    ((_, delivery),) = stores.webhooks.claim(10)
    return delivery


def test_a_webhook_comes_back_as_it_was_stored(stores: Stores) -> None:
    """The secret too, or nothing could be signed."""
    webhook = add(stores, events=("job.failed",), description="pager", old_secret="whsec_b2xk", old_secret_until=NOW)
    assert stores.webhooks.get(webhook.id) == webhook
    assert stores.webhooks.list(Page()).data == (webhook,)
    with pytest.raises(NotFound):
        stores.webhooks.get("wh_nobody")


def test_a_repeated_request_makes_one_webhook(stores: Stores) -> None:
    """Two would tell everything twice."""
    once = Once("local POST /v1/webhooks", "k", "b" * 64)
    first = stores.webhooks.add(Webhook("wh_1", "https://example.org", "whsec_YQ==", NOW), once=once)
    assert stores.webhooks.add(Webhook("wh_2", "https://example.org", "whsec_Yg==", NOW), once=once) == first


def test_what_happens_to_a_job_is_queued_with_it(stores: Stores) -> None:
    """Each change of status once, under the id of its event, so that a receiver can compare."""
    every, failures = add(stores), add(stores, events=("job.failed",))
    job = stores.add_job(metadata={"ticket": "42"})
    held = stores.claim()
    work.beat(stores.jobs, held)
    work.fail(stores.jobs, held, InvalidInput("no"))
    assert sent(stores, every) == ["job.queued", "job.running", "job.failed"]
    assert sent(stores, failures) == ["job.failed"]
    (last,) = stores.webhooks.deliveries(every.id, Page(limit=1)).data
    statuses = [event for event in stores.events.after(job.id) if event.type == "status"]
    assert last.message_id == statuses[-1].id
    for fact in ('"type":"job.failed"', f'"job":"{job.id}"', '"ticket":"42"', '"code":"invalid_input"'):
        assert fact in last.body


def test_a_move_that_fails_tells_nothing(stores: Stores) -> None:
    """What did not happen must not be announced."""
    webhook, job = add(stores), stores.add_job()

    def break_down(job: object, now: datetime) -> lifecycle.Change:
        raise RuntimeError

    with pytest.raises(RuntimeError):
        stores.jobs.change(job.id, break_down, fence=None)
    assert sent(stores, webhook) == ["job.queued"]


def test_a_wish_to_cancel_is_no_news_but_the_end_is(stores: Stores) -> None:
    """The status is what webhooks tell."""
    webhook = add(stores)
    job = stores.add_job()
    held = stores.claim()
    stores.jobs.change(job.id, lifecycle.cancel, fence=None)
    work.stop(stores.jobs, held)
    assert sent(stores, webhook) == ["job.queued", "job.running", "job.cancelled"]


def test_a_jobs_own_webhook_hears_of_that_job_alone(stores: Stores) -> None:
    """And there is none without its job."""
    mine, other = stores.add_job(), stores.add_job()
    webhook = add(stores, job_id=mine.id)
    for job in (other, mine):
        stores.jobs.change(job.id, lifecycle.cancel, fence=None)
    assert sent(stores, webhook) == ["job.cancelled"]
    assert stores.webhooks.list(Page(), job_id=mine.id).data == (webhook,)
    assert stores.webhooks.list(Page(), job_id=other.id).data == ()
    with pytest.raises(NotFound):
        add(stores, job_id="job_nobody")


def test_a_job_brings_its_own_webhooks(stores: Stores) -> None:
    """They hear of it from the first event on, and a repeated request adds none."""
    draft, once = stores.draft(), Once("local POST /v1/jobs", "k", "b" * 64)
    own = Webhook("wh_1", "https://example.org/own", "whsec_YQ==", NOW, job_id=draft.id)
    job = stores.jobs.add(draft, once=once, webhooks=[own])
    again = stores.draft()
    stores.jobs.add(again, once=once, webhooks=[replace(own, id="wh_2", job_id=again.id)])
    assert stores.webhooks.list(Page()).data == (own,)
    assert sent(stores, own) == ["job.queued"]
    assert job == draft


def test_a_due_delivery_is_claimed_once(stores: Stores) -> None:
    """Two replicas of the API share one outbox."""
    webhook = add(stores)
    stores.webhooks.ping(webhook.id, "msg_1")
    ((whose, delivery),) = stores.webhooks.claim(10)
    assert (whose, delivery.number, delivery.state) == (webhook, 1, "sending")
    assert list(stores.webhooks.claim(10)) == []
    assert stores.webhooks.conclude(delivery, WELL).state == "delivered"
    assert list(stores.webhooks.claim(10)) == []
    assert stores.webhooks.delivery(webhook.id, 1).attempts == (WELL,)


def test_what_a_dead_sender_held_is_sent_by_another(stores: Stores) -> None:
    """At least once: the receiver knows a repeat by its webhook-id. What the zombie says later counts for nothing."""
    webhook = add(stores)
    stores.webhooks.ping(webhook.id, "msg_1")
    zombie = take(stores)
    stores.elapse(LEASE_S - 1)
    assert list(stores.webhooks.claim(10)) == []
    stores.elapse(2)
    second = take(stores)
    stores.webhooks.conclude(zombie, BADLY)
    assert stores.webhooks.delivery(webhook.id, 1) == second


def test_a_failure_is_tried_again_later_and_later_and_then_given_up(stores: Stores) -> None:
    """A receiver that is down over night misses nothing; one that is down for good ends."""
    webhook = add(stores)
    stores.webhooks.ping(webhook.id, "msg_1")
    for wait_s in WAITS_S:
        assert stores.webhooks.conclude(take(stores), BADLY).state == "pending"
        stores.elapse(wait_s - 1)
        assert list(stores.webhooks.claim(10)) == []
        stores.elapse(2)
    given_up = stores.webhooks.conclude(take(stores), BADLY)
    assert (given_up.state, given_up.tries, given_up.next_at) == ("failed", 7, None)
    assert stores.webhooks.get(webhook.id).failing_since is not None
    assert stores.webhooks.get(webhook.id).disabled_at is None


def test_a_slow_webhook_is_sent_one_message_at_a_time(stores: Stores) -> None:
    """It holds up nobody else, and its messages come in order as long as they are taken."""
    slow, quick = add(stores), add(stores)
    for webhook in (slow, slow, quick):
        stores.webhooks.ping(webhook.id, f"msg_{stores.number()}")
    taken = stores.webhooks.claim(10)
    assert sorted((webhook.id, delivery.number) for webhook, delivery in taken) == [(slow.id, 1), (quick.id, 1)]
    assert list(stores.webhooks.claim(10)) == []
    for _, delivery in taken:
        stores.webhooks.conclude(delivery, WELL)
    assert take(stores).number == 2


def test_a_replay_sends_the_same_message_again(stores: Stores) -> None:
    """Under its old id, with all tries before it and the log kept."""
    webhook = add(stores)
    stores.webhooks.ping(webhook.id, "msg_1")
    first = stores.webhooks.conclude(take(stores), WELL)
    stores.webhooks.replay(webhook.id, 1)
    again = stores.webhooks.conclude(take(stores), BADLY)
    assert (again.message_id, again.body, again.tries) == (first.message_id, first.body, 1)
    assert again.attempts == (WELL, BADLY)
    with pytest.raises(NotFound):
        stores.webhooks.replay(webhook.id, 2)


@pytest.mark.parametrize("reason", ["days", "gone"])
def test_a_webhook_that_is_dead_is_disabled_and_can_be_enabled(stores: Stores, reason: str) -> None:
    """With a word that says why; what waited for it is over, and a ping begins anew."""
    webhook = add(stores)
    stores.webhooks.ping(webhook.id, "msg_1")
    stores.webhooks.ping(webhook.id, "msg_2")
    if reason == "days":
        stores.webhooks.conclude(take(stores), BADLY)
        stores.elapse(DISABLE_AFTER_S)
    stores.webhooks.conclude(take(stores), GONE if reason == "gone" else BADLY)
    dead = stores.webhooks.get(webhook.id)
    assert ("410 Gone" if reason == "gone" else "it answered 500") in (dead.disabled_reason or "")
    assert {each.state for each in stores.webhooks.deliveries(webhook.id, Page()).data} == {"failed"}
    stores.add_job()
    assert list(stores.webhooks.claim(10)) == []
    stores.webhooks.ping(webhook.id, "msg_3")
    stores.webhooks.conclude(take(stores), WELL)
    assert stores.webhooks.get(webhook.id) == webhook


def test_a_success_forgives_the_failures_before(stores: Stores) -> None:
    """Five days of failure means five days without one success."""
    webhook = add(stores)
    stores.webhooks.ping(webhook.id, "msg_1")
    stores.webhooks.conclude(take(stores), BADLY)
    stores.elapse(WAITS_S[0])
    stores.webhooks.conclude(take(stores), WELL)
    assert stores.webhooks.get(webhook.id).failing_since is None


def test_a_webhook_goes_with_its_deliveries(stores: Stores) -> None:
    """And a sender that is still at it finds nothing to write, which is no error."""
    webhook = add(stores)
    stores.webhooks.ping(webhook.id, "msg_1")
    held = take(stores)
    stores.webhooks.remove(webhook.id)
    stores.webhooks.conclude(held, WELL)
    for look in (stores.webhooks.get, stores.webhooks.remove):
        with pytest.raises(NotFound):
            look(webhook.id)
    with pytest.raises(NotFound):
        stores.webhooks.deliveries(webhook.id, Page())


def test_a_rotated_secret_signs_beside_the_new_one_for_a_day(stores: Stores) -> None:
    """Receivers change over without losing a message."""
    webhook = add(stores)
    rotated = stores.webhooks.change(webhook.id, lambda each, now: each.rotate("whsec_bmV3", now))
    assert stores.webhooks.get(webhook.id) == rotated
    assert rotated.old_secret_until is not None
    assert rotated.secrets(rotated.old_secret_until - timedelta(seconds=1)) == ("whsec_bmV3", webhook.secret)
    assert rotated.secrets(rotated.old_secret_until) == ("whsec_bmV3",)


def test_old_deliveries_are_swept_and_with_them_the_webhooks_of_jobs_that_are_over(stores: Stores) -> None:
    """The log does not grow without end; what still waits is not touched."""
    job, keeper = stores.add_job(), add(stores)
    own = add(stores, job_id=job.id)
    stores.jobs.change(job.id, lifecycle.cancel, fence=None)
    stores.elapse(100)
    assert stores.webhooks.sweep(kept_s=50) == 0
    for _, delivery in stores.webhooks.claim(10):
        stores.webhooks.conclude(delivery, WELL)
    assert stores.webhooks.sweep(kept_s=200) == 0
    assert stores.webhooks.sweep(kept_s=50) == 2
    assert stores.webhooks.list(Page()).data == (keeper,)
    with pytest.raises(NotFound):
        stores.webhooks.get(own.id)


def test_deliveries_are_listed_in_pages(stores: Stores) -> None:
    """By number, in both directions."""
    webhook = add(stores)
    for number in range(5):
        stores.webhooks.ping(webhook.id, f"msg_{number}")
    page = stores.webhooks.deliveries(webhook.id, Page(limit=2))
    assert ([each.number for each in page.data], page.has_more) == ([5, 4], True)
    rest = stores.webhooks.deliveries(webhook.id, Page(limit=10, after="4"))
    assert ([each.number for each in rest.data], rest.has_more) == ([3, 2, 1], False)
