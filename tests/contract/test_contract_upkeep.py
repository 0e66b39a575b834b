"""The port Upkeep, on every store."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from stores import LEASE_S, NOW, Stores, release

from bpkd_core.bundle import FileInfo
from bpkd_core.events import Event
from service.domain import work
from service.domain.idempotency import KEEP_S, Answer, Once
from service.domain.workers import Worker

DAY_S = 24 * 3600.0


def metrics(step: int) -> Event:
    return Event("metrics", {"stage": "s", "step": step, "total_steps": 1000, "values": {"loss": 0.5}})


def test_a_chore_is_done_once_in_its_time(stores: Stores) -> None:
    """Three replicas of the API clear up once an hour, not thrice; and two chores do not wait for each other."""
    assert stores.upkeep.take("tidy", every_s=3600)
    assert not stores.upkeep.take("tidy", every_s=3600)
    assert stores.upkeep.take("other", every_s=3600)
    stores.elapse(3599)
    assert not stores.upkeep.take("tidy", every_s=3600)
    stores.elapse(1)
    assert stores.upkeep.take("tidy", every_s=3600)


def test_of_many_that_ask_at_once_one_gets_the_chore(stores: Stores) -> None:
    """There is no other leader than this answer."""
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: stores.upkeep.take("tidy", every_s=3600), range(16)))
    assert answers.count(True) == 1


def test_every_record_names_its_files(stores: Stores) -> None:
    """A file whose name is overlooked is a file that is deleted: jobs, versions, and pictures in events."""
    job_file, picture = (FileInfo(sha256=letter * 64, size=1) for letter in "ab")
    stores.add_job()
    held = stores.claim()
    work.beat(stores.jobs, held, [Event("preview", {"path": "p.png", **picture.model_dump()})])
    published = release(held, onnx="c")
    work.succeed(stores.jobs, held, result={}, files={"log.txt": job_file}, release=published)
    named = set(stores.upkeep.named_artifacts())
    assert {job_file.sha256, picture.sha256, published.onnx_sha256} <= named


def test_events_are_thinned_out_evenly_and_the_story_stays(stores: Stores) -> None:
    """A week of training has a million metrics; its curve needs some thousands of them, and every change of status."""
    stores.add_job()
    held = stores.claim()
    for step in range(0, 300, 50):
        lines = [Event("log", {"message": f"line {step}"}), Event("checkpoint", {"stage": "s", "step": step})]
        work.beat(stores.jobs, held, [*(metrics(step + each) for each in range(50)), *lines])
    before = stores.events.after(held.id, limit=1000)
    assert stores.upkeep.thin_events(keep=100) == 225 + 4  # of 300 metrics and 6 logs, one in four stays
    after = stores.events.after(held.id, limit=1000)
    assert all(event in before for event in after)
    assert [event for event in after if event.type not in ("metrics", "log")] == [
        event for event in before if event.type not in ("metrics", "log")
    ]
    steps = [event.data["step"] for event in after if event.type == "metrics"]
    assert steps == list(range(3, 300, 4))
    work.succeed(stores.jobs, held, result={}, files={})
    assert stores.events.after(held.id, before[-1].seq)[0].seq == before[-1].seq + 1


def test_a_job_with_few_events_keeps_them_all(stores: Stores) -> None:
    """Also beside one that has many."""
    stores.add_job()
    held = stores.claim()
    work.beat(stores.jobs, held, [metrics(step) for step in range(20)])
    before = stores.events.after(held.id)
    assert stores.upkeep.thin_events(keep=20) == 0
    assert stores.events.after(held.id) == before


def test_what_has_run_out_is_forgotten_and_nothing_else(stores: Stores) -> None:
    """Keys of yesterday, and workers that were killed; a store that nobody writes to gets rid of them, too."""
    early, late = (Once("local POST /v1/jobs", key, "b" * 64) for key in ("early", "late"))
    stores.idempotency.begin(early)
    stores.idempotency.finish(early, Answer(200, {}))
    stores.workers.beat(Worker("dead", "host", 1, "0", started_at=NOW, seen_at=NOW))
    stores.elapse(KEEP_S + 1)
    stores.idempotency.begin(late)
    stores.idempotency.finish(late, Answer(201, {}))
    stores.workers.beat(Worker("alive", "host", 2, "0", started_at=NOW, seen_at=NOW))
    gone = stores.upkeep.forget()
    assert gone in (1, 2)  # a store may have forgotten the early key while it wrote the late one
    assert [worker.id for worker in stores.workers.list(seen_within_s=10 * DAY_S)] == ["alive"]
    assert stores.idempotency.begin(late) == Answer(201, {})
    assert stores.upkeep.forget() == 0


@pytest.mark.parametrize("keep", [1, 7])
def test_thinning_again_and_again_ends(stores: Stores, keep: int) -> None:
    """Every round finds what the one before has left, and takes no more."""
    stores.add_job()
    held = stores.claim()
    work.beat(stores.jobs, held, [metrics(step) for step in range(50)], lease_s=LEASE_S)
    assert stores.upkeep.thin_events(keep=keep) > 0
    assert stores.upkeep.thin_events(keep=keep) == 0
