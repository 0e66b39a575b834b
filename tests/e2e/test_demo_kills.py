"""kill -9 of trainer, worker and API in the middle of a demo: it still finishes, and little is done twice."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import pytest
from demo_process import DemoProcess
from fakes.waiting import wait_for

from service.client import Client, Patience
from service.schemas import Event

VICTIMS = {"training_teacher": "bpkd_core", "training_control": "worker", "training_student": "service.api"}
STEPS, CHECKPOINT_EVERY = 16, 4


@pytest.mark.timeout(900)  # torch starts three times, and a lease runs out once
def test_a_demo_survives_the_death_of_each_of_its_processes(tmp_path: Path) -> None:
    # nobody watches a training all night: what dies must come back by itself
    events: list[Event] = []
    victims = dict(VICTIMS)
    with DemoProcess(tmp_path / "demo", "--steps", str(STEPS), "--scenes", "8", "--keep-serving") as demo:
        with Client(demo.url(), patience=Patience(tries=60)) as client:
            (job,) = wait_for(lambda: client.jobs.list().data, f"a job; the demo says: {demo.said()}")
            for event in client.jobs.follow(job.id):
                events.append(event)
                if event.type == "checkpoint" and (victim := victims.pop(str(event.data["stage"]), None)):
                    demo.kill(victim)
            ended = client.jobs.get(job.id)
            answer = demo.answer()
        assert demo.stop() == 0, demo.said()
        assert demo.survivors() == []
    assert victims == {}
    assert (ended.status, ended.attempt) == ("succeeded", 3)  # the API holds no job, so its death costs no attempt
    assert (answer["job"], answer["version"]) == (job.id, 1)
    assert [event.seq for event in events] == list(range(1, len(events) + 1))
    assert_little_was_repeated(events)


def assert_little_was_repeated(events: Sequence[Event]) -> None:
    """At most one checkpoint interval of each training is seen twice, and no checkpoint is."""
    checkpoints = [(event.data["stage"], event.data["step"]) for event in events if event.type == "checkpoint"]
    assert len(checkpoints) == len(set(checkpoints))
    steps: dict[str, list[int]] = defaultdict(list)
    for event in events:
        if event.type == "metrics" and str(event.data["stage"]) in VICTIMS:
            steps[str(event.data["stage"])].append(int(str(event.data["step"])))
    assert set(steps) == set(VICTIMS)
    for told in steps.values():
        assert told[-1] == STEPS
        assert all(later > earlier - CHECKPOINT_EVERY for earlier, later in pairwise(told))
