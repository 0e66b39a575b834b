"""The port Events, on every store."""

from __future__ import annotations

from stores import Stores

from bpkd_core.events import Event
from service.domain import work


def log(number: int) -> Event:
    return Event("log", {"message": f"line {number}"})


def test_events_are_numbered_without_a_gap_in_the_order_they_happened(stores: Stores) -> None:
    """A stream that resumes by number must not miss one, and need not ask twice."""
    stores.add_job()
    held = stores.claim()
    for start in (0, 3, 6):
        work.beat(stores.jobs, held, [log(start + offset) for offset in range(3)])
    work.succeed(stores.jobs, held, result={}, files={})
    events = stores.events.after(held.id)
    assert [event.seq for event in events] == list(range(1, 14))
    assert [event.type for event in events] == ["status", "status", *["log"] * 9, "status", "done"]
    assert [event.data["message"] for event in events if event.type == "log"] == [f"line {n}" for n in range(9)]
    assert [event.id for event in events] == sorted(event.id for event in events)
    assert [event.at for event in events] == sorted(event.at for event in events)


def test_two_jobs_number_their_events_apart(stores: Stores) -> None:
    """One job's stream knows nothing of another's."""
    one, two = stores.add_job(), stores.add_job()
    stores.claim()
    assert [event.seq for event in stores.events.after(one.id)] == [1, 2]
    assert [event.seq for event in stores.events.after(two.id)] == [1]


def test_a_reader_goes_on_where_it_stopped(stores: Stores) -> None:
    """F41: Last-Event-ID after a reconnect."""
    stores.add_job()
    held = stores.claim()
    work.beat(stores.jobs, held, [log(n) for n in range(5)])
    assert [event.seq for event in stores.events.after(held.id, 3, limit=2)] == [4, 5]
    assert [event.seq for event in stores.events.after(held.id, 6)] == [7]
    assert list(stores.events.after(held.id, 7)) == []
    assert list(stores.events.after(held.id, 2**62)) == []
    assert list(stores.events.after("job_nope")) == []
    assert len(stores.events.after(held.id, -5)) == 7


def test_a_reader_may_want_some_types_only(stores: Stores) -> None:
    """The metrics page does not load ten thousand log lines."""
    stores.add_job()
    held = stores.claim()
    metrics = Event("metrics", {"stage": "s", "step": 1, "total_steps": 2, "values": {"loss": 0.5}})
    work.beat(stores.jobs, held, [log(1), metrics, log(2), metrics])
    found = stores.events.after(held.id, types=("metrics",), limit=10)
    assert [(event.seq, event.data["values"]) for event in found] == [(4, {"loss": 0.5}), (6, {"loss": 0.5})]
    assert [event.seq for event in stores.events.after(held.id, types=("metrics", "log"), limit=3)] == [3, 4, 5]


def test_the_trainers_own_end_is_not_the_jobs_end(stores: Stores) -> None:
    """A reader stops at `done`; between the trainer's last word and the publication there is work left."""
    stores.add_job()
    held = stores.claim()
    work.beat(stores.jobs, held, [Event("done", {"result": {}}), Event("error", {"code": "internal", "message": "x"})])
    assert [kind for kind, _ in stores.told(held)] == ["status", "status"]


def test_what_json_cannot_hold_becomes_null(stores: Stores) -> None:
    """A NaN loss is an event like another, and every reader of JSON can read it."""
    stores.add_job()
    held = stores.claim()
    values = {"loss": float("nan"), "miou": float("inf"), "lr": 0.1}
    data = {"stage": "training_student", "step": 1, "total_steps": 2, "values": values}
    job = work.beat(stores.jobs, held, [Event("metrics", data)])
    assert stores.told(held)[-1][1]["values"] == {"loss": None, "miou": None, "lr": 0.1}
    assert job.latest == {"lr": 0.1}


def test_odd_text_survives(stores: Stores) -> None:
    """A trainer prints what its libraries print: control characters, emoji, half a surrogate pair."""
    stores.add_job()
    held = stores.claim()
    message = 'bell \a nul \0 tab \t line \n quote " emoji 🚦 half \ud83d'
    work.beat(stores.jobs, held, [Event("log", {"message": message})])
    assert stores.told(held)[-1] == ("log", {"message": message})


def test_the_newest_events_of_a_type_come_in_their_order(stores: Stores) -> None:
    """A day-long job has thousands of checkpoints, and only the last ones are there to go on from."""
    stores.add_job()
    told = [Event("checkpoint", {"stage": "training_student", "step": step}) for step in range(1, 6)]
    job = work.beat(stores.jobs, stores.claim(), [*told, Event("log", {"message": "x"})])
    newest = stores.events.newest(job.id, limit=2, types=("checkpoint",))
    assert [event.data["step"] for event in newest] == [4, 5]
    assert list(stores.events.newest(job.id, limit=2, types=("preview",))) == []
