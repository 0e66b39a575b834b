from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from fakes.prober import probing
from fakes.teachers import add_teacher

from service.domain.teachers import Teacher
from service.wiring import Service
from worker.probing import Probing
from worker.supervision import Limits

QUICK = Limits(heartbeat_s=0.05, news_s=0, tick_s=0.02)


def never() -> bool:
    return False


def run(lane: Probing, service: Service, teacher: Teacher, draining: Callable[[], bool] = never) -> Teacher:
    held = lane.claim("worker-1")
    assert held is not None
    assert held.id == teacher.id
    lane.work(held, draining)
    return service.teachers.get(teacher.id)


def folders(service: Service) -> list[Path]:
    return sorted((service.settings.home / "probes").glob("*/*"))


def test_a_good_file_becomes_ready_with_what_was_found(service: Service) -> None:
    """The reading is what people and jobs go by."""
    teacher = run(probing(service), service, add_teacher(service))
    assert (teacher.state, teacher.error) == ("ready", None)
    assert teacher.probe is not None
    assert teacher.probe["miou"] == 0.79
    assert teacher.probe["sha256"] == teacher.sha256 == hashlib.sha256(b"good").hexdigest()
    assert folders(service) == []


def test_a_file_that_is_read_wrongly_is_refused_with_both_numbers(service: Service) -> None:
    """Before a training is spent on it; the whole probe stays to be looked at."""
    teacher = run(probing(service), service, add_teacher(service, b"wrong"))
    assert teacher.state == "refused"
    assert teacher.error is not None
    assert (teacher.error["code"], teacher.error["message"]) == (
        "invalid_model",
        "3% with these settings, 79% with BGR.",
    )
    assert teacher.probe is not None


def test_a_file_that_cannot_be_opened_is_refused_with_a_sentence(service: Service) -> None:
    """There are no numbers, and none are made up."""
    teacher = run(probing(service), service, add_teacher(service, b"unsafe"))
    assert (teacher.state, teacher.probe) == ("refused", None)
    assert teacher.error is not None
    assert teacher.error["message"] == "the file is unsafe"


def test_a_file_that_kills_its_probe_is_refused_in_the_end(service: Service) -> None:
    """Three children die of it, and no worker."""
    teacher = add_teacher(service, b"deadly")
    for expected in ("probing", "probing", "refused"):
        teacher = run(probing(service), service, teacher)
        assert teacher.state == expected
    assert teacher.error is not None
    assert teacher.error["code"] == "poison"
    assert "SIGKILL" in teacher.error["message"]


def test_the_child_is_told_all_that_was_registered(service: Service, tmp_path: Path) -> None:
    """Settings that are given are checked, not looked for; the file has a name of ours."""
    told = tmp_path / "told.json"
    code = f"import shutil, sys; shutil.copy(sys.argv[-1], {str(told)!r}); exit(1)"
    teacher = add_teacher(service, classes={"0": "road"})
    run(probing(service, (sys.executable, "-c", code)), service, teacher)
    spec = json.loads(told.read_text())
    assert (spec["dataset"], spec["layout"], spec["timeout_s"]) == ("/data/streets", "auto", 600)
    assert (spec["teacher"]["type"], spec["teacher"]["classes"]) == ("onnx", {"0": "road"})
    assert Path(spec["teacher"]["path"]).name == f"{teacher.id}.onnx"


def test_chatter_is_no_verdict(service: Service) -> None:
    """A teacher must never become ready by accident."""
    code = """print('{"type": "metrics", "miou": 1}'); print('[]'); exit(0)"""
    teacher = run(probing(service, (sys.executable, "-c", code)), service, add_teacher(service))
    assert (teacher.state, teacher.attempt) == ("probing", 2)


def test_a_draining_worker_leaves_the_probe_to_another(service: Service) -> None:
    """And does not wait for it: there is nothing to save."""
    code = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); signal.pause()"
    teacher = run(probing(service, (sys.executable, "-c", code)), service, add_teacher(service), lambda: True)
    assert (teacher.state, teacher.attempt, teacher.lease.owner) == ("probing", 1, None)


def test_a_teacher_that_is_deleted_meanwhile_stops_its_probe_and_leaves_nothing(service: Service) -> None:
    """The worker goes on with the next one."""
    teacher = add_teacher(service)
    lane = probing(service, (sys.executable, "-c", "import signal; signal.pause()"), limits=QUICK)
    held = lane.claim("worker-1")
    assert held is not None
    service.teachers.delete(teacher.id)
    lane.work(held, never)
    assert folders(service) == []


@pytest.mark.parametrize("reason", ["the worker failed at it"])
def test_a_lane_gives_back_and_hands_on(service: Service, reason: str) -> None:
    """What went wrong with the work counts as an attempt, what went wrong with the worker does not."""
    add_teacher(service)
    lane = probing(service)
    for act, attempt in ((lane.hand_on, 1), (lambda held: lane.give_back(held, reason), 2)):
        held = lane.claim("worker-1")
        assert held is not None
        act(held)
        assert (service.teachers.get(held.id).attempt, service.teachers.get(held.id).waits) == (attempt, True)
