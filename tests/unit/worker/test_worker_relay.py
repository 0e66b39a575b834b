from __future__ import annotations

import json
from pathlib import Path

import pytest
from fakes.records import add_job, event_types

from bpkd_core.bundle import FileInfo
from bpkd_core.errors import BpkdError, Diverged
from service.domain import submission, work
from service.domain.errors import FenceLost, StorageFull, Unavailable
from service.domain.jobs import Job
from service.settings import read_settings
from service.wiring import Service, wire
from worker.relay import MAX_PENDING, Relay


@pytest.fixture
def held(service: Service) -> Job:
    add_job(service)
    job = service.jobs.claim("worker-1", lease_s=60)
    assert job is not None
    return job


@pytest.fixture
def relay(service: Service, held: Job, tmp_path: Path) -> Relay:
    return Relay(service.jobs, held, tmp_path, keep=service.artifacts.keep, lease_s=60)


def line(kind: str, **data: object) -> str:
    return json.dumps({"type": kind, **data})


def metrics(step: int, **values: float) -> str:
    return line("metrics", stage="training_student", step=step, total_steps=10, values=values)


def test_what_the_trainer_says_becomes_the_jobs_state_and_its_events(service: Service, held: Job, relay: Relay) -> None:
    """The whole way of a line: heard, carried with a heartbeat, folded, stored."""
    relay.hear(line("stage", stage="training_student", state="started"))
    relay.hear(metrics(4, miou=0.5))
    relay.hear(line("checkpoint", stage="training_student", step=4, path="p", sha256="s", size=1))
    assert relay.news
    assert relay.beat() is False
    job = service.jobs.get(held.id)
    assert (job.stage, job.latest, job.checkpoint and job.checkpoint.step) == ("training_student", {"miou": 0.5}, 4)
    assert event_types(service, held)[-3:] == ["stage", "metrics", "checkpoint"]
    assert not relay.news


@pytest.mark.parametrize("garbage", ["", "Epoch 1: 100%|####|", "{", "[]", "null", '{"type": "rm -rf"}', "\x00\ufffd"])
def test_what_is_no_event_is_nobodys_trouble(relay: Relay, garbage: str) -> None:
    """Libraries print to standard output whenever they please."""
    relay.hear(garbage)
    assert not relay.news


@pytest.mark.parametrize(
    "odd",
    [
        line("metrics"),
        line("metrics", stage=[], step="x", total_steps=0, values=7),
        line("checkpoint", step=None),
        line("stage", stage=3),
        line("preview", path=5),
        line("warning"),
        '{"type": "metrics", "values": {"loss": NaN}}',
    ],
)
def test_an_event_with_odd_fields_costs_neither_job_nor_worker(relay: Relay, odd: str) -> None:
    """A trainer of another version, or a broken one, is no reason to lose the job."""
    relay.hear(odd)
    assert relay.beat() is False


def test_the_last_of_many_metrics_is_enough(service: Service, held: Job, relay: Relay) -> None:
    """A fast trainer must not turn into a thousand database writes."""
    for step in range(1, 11):
        relay.hear(metrics(step, loss=1.0 / step))
    relay.beat()
    assert event_types(service, held).count("metrics") == 1
    assert service.jobs.get(held.id).latest == {"loss": 0.1}


def test_metrics_of_other_names_are_not_swallowed(service: Service, held: Job, relay: Relay) -> None:
    """An evaluation's mIoU comes once in a while and stands between two losses."""
    for event in (metrics(4, loss=0.2), metrics(4, miou=0.5), metrics(5, loss=0.1)):
        relay.hear(event)
    relay.beat()
    assert event_types(service, held).count("metrics") == 3


def test_events_wait_while_the_store_is_away(service: Service, held: Job, relay: Relay) -> None:
    """A heartbeat that fails takes nothing with it."""
    relay._jobs = Away()  # pyright: ignore[reportAttributeAccessIssue]
    relay.hear(metrics(4, loss=0.2))
    with pytest.raises(Unavailable):
        relay.beat()
    relay._jobs = service.jobs
    relay.beat()
    assert "metrics" in event_types(service, held)


class Away:
    def change(self, *_: object, **__: object) -> Job:
        raise Unavailable("away")


def test_what_waits_is_bounded_and_the_newest_stays(relay: Relay) -> None:
    """A database that is away for an hour must not fill the worker's memory."""
    for step in range(MAX_PENDING + 5):
        relay.hear(line("log", message=str(step)))
    assert len(relay._pending) == MAX_PENDING
    assert relay._pending[-1].data["message"] == str(MAX_PENDING + 4)


def test_a_heartbeat_brings_the_wish_to_cancel_back(service: Service, held: Job, relay: Relay) -> None:
    """The only way in which a cancel reaches a trainer."""
    submission.cancel(service.jobs, held.id)
    assert relay.beat() is True


def test_whoever_lost_the_fence_writes_nothing(service: Service, held: Job, relay: Relay) -> None:
    """A zombie's events would mix with those of the attempt that counts (F6)."""
    work.give_back(service.jobs, held)
    service.jobs.claim("worker-2", lease_s=60)
    before = event_types(service, held)
    relay.hear(metrics(9, loss=0.0))
    with pytest.raises(FenceLost):
        relay.beat()
    assert event_types(service, held) == before


def test_the_error_that_a_trainer_ends_with_is_remembered_as_what_it_is(relay: Relay) -> None:
    """Its class says whether another attempt may help; its words reach the person who has to act."""
    relay.hear(line("error", code="diverged", message="The loss stayed non-finite", param=None, hint="lower lr"))
    assert isinstance(relay.error, Diverged)
    assert (relay.error.message, relay.error.hint) == ("The loss stayed non-finite", "lower lr")
    assert not relay.news


def test_an_error_of_an_unknown_code_is_still_an_error(relay: Relay) -> None:
    """A newer trainer may know errors that this worker does not."""
    relay.hear(line("error", code="from_the_future", message="Something new"))
    assert type(relay.error) is BpkdError
    assert str(relay.error) == "Something new"


def test_a_preview_is_kept_and_named_by_its_hash(service: Service, held: Job, relay: Relay, tmp_path: Path) -> None:
    """The trainer's folder is swept one day; what an event points to must stay."""
    (tmp_path / "preview.png").write_bytes(b"png")
    relay.hear(line("preview", path="preview.png"))
    relay.beat()
    (event,) = service.events.after(held.id, types=("preview",))
    assert service.artifacts.path(event.data["sha256"]).read_bytes() == b"png"


@pytest.mark.parametrize("path", ["../secret", "/etc/passwd", "missing.png", "", "link"])
def test_a_preview_outside_the_folder_is_not_followed(
    service: Service, held: Job, relay: Relay, tmp_path: Path, path: str
) -> None:
    """Paths in events are data."""
    (tmp_path / "link").symlink_to("/etc/passwd")
    relay.hear(line("preview", path=path))
    relay.beat()
    assert event_types(service, held)[-1] == "warning"


def test_a_picture_that_cannot_be_kept_is_not_worth_a_training(service: Service, held: Job, tmp_path: Path) -> None:
    """A full disk loses a preview; the checkpoints decide about the rest."""

    def keep(_: Path) -> FileInfo:
        raise StorageFull("No room is left")

    (tmp_path / "preview.png").write_bytes(b"png")
    relay = Relay(service.jobs, held, tmp_path, keep=keep, lease_s=60)
    relay.hear(line("preview", path="preview.png"))
    relay.beat()
    assert event_types(service, held)[-1] == "warning"


def test_an_event_that_the_database_does_not_take_is_dropped(tmp_path: Path) -> None:
    """Half a character in a log line must not cost a training, here or in the next two attempts."""
    service = wire(read_settings(home=tmp_path / "home"))
    add_job(service)
    held = service.jobs.claim("worker-1", lease_s=60)
    assert held is not None
    relay = Relay(service.jobs, held, tmp_path, keep=service.artifacts.keep, lease_s=60)
    relay.hear('{"type": "log", "message": "\\ud800"}')
    assert relay.beat() is False
    relay.hear(metrics(4, loss=0.2))
    relay.beat()
    assert event_types(service, held)[-1] == "metrics"
    service.close()
