"""What a demo decides by itself: its job, whether it goes on, what it says of a bad dataset."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from fakes.records import add_dataset, add_ready_dataset
from rich.console import Console

from bpkd_core.data import write_scenes
from bpkd_core.errors import InvalidDataset
from bpkd_core.spec import TrainedTeacher
from service.cli import demo as demos
from service.cli.wish import Wish
from service.client import Client
from service.domain import datasets
from service.domain.datasets import Findings
from service.schemas import JobRequest
from service.wiring import Service

HOME = Path("bpkd-demo")
DATASET = "ds_" + "0" * 26


@pytest.fixture
def screen() -> Console:
    return Console(file=io.StringIO(), width=120)


def written(screen: Console) -> str:
    assert isinstance(screen.file, io.StringIO)
    return screen.file.getvalue()


def request(wish: Wish, spent_minutes: float = 0.0) -> JobRequest:
    return JobRequest.model_validate({"dataset": DATASET, **wish.schedule(spent_minutes)})


def test_the_job_gets_what_is_left_of_the_time() -> None:
    # drawing and checking come out of the same eight minutes
    assert request(Wish(HOME, minutes=8), spent_minutes=1.5).budget_minutes == pytest.approx(5.5)
    assert request(Wish(HOME, minutes=2), spent_minutes=3).budget_minutes == 0.5


def test_steps_replace_the_budget_for_teacher_and_students() -> None:
    # a test, or a repetition elsewhere, wants the same steps whatever the machine
    job = request(Wish(HOME, steps=40, seed=3))
    assert job.budget_minutes is None
    assert isinstance(job.teacher, TrainedTeacher)
    assert job.teacher.train is not None
    for train in (job.train, job.teacher.train):
        assert (train.steps, train.checkpoint_every, train.seed) == (40, 10, 3)
    assert request(Wish(HOME, steps=4)).train.warmup_steps == 3  # the recipe's 20 would be refused


@pytest.mark.parametrize(
    ("data", "model"),
    [
        (None, "street"),
        ("/data/camvid11", "camvid11"),
        ("/data/My Photos (2)", "my-photos-2-"),
        ("/data/__", "street"),
        ("/data/" + "x" * 99, "x" * 64),
    ],
)
def test_the_model_is_named_after_the_data(data: str | None, model: str) -> None:
    # a name that the API would refuse would cost the whole demo, at its end
    named = Wish(HOME, data=Path(data) if data else None).model
    assert named == model
    JobRequest.model_validate({"dataset": DATASET, "student": {"arch": "ddrnet_23_nano"}, "register": {"model": named}})


def test_wishes_differ_by_what_changes_the_result() -> None:
    # another seed is another demo; the same options go on with the old one
    assert Wish(HOME).key == Wish(HOME).key
    wishes = [Wish(HOME), Wish(HOME, seed=1), Wish(HOME, steps=5), Wish(HOME, minutes=9), Wish(HOME, data=Path("x"))]
    assert len({wish.key for wish in wishes}) == len(wishes)


def test_a_broken_off_demo_goes_on_and_others_are_called_off(url: str, service: Service, screen: Console) -> None:
    # a queue that still holds yesterday's jobs would make today's wait
    def submitted(metadata: dict[str, str]) -> str:
        body: dict[str, Any] = {"dataset": add_ready_dataset(service).id, "student": {"arch": "ddrnet_23_nano"}}
        return client.jobs.create({**body, "metadata": metadata}).id

    with Client(url) as client:
        ours, other, foreign = submitted({"demo": Wish(HOME).key}), submitted({"demo": "else"}), submitted({})
        found = demos.unfinished(client, Wish(HOME), screen)
        assert found is not None
        assert found.id == ours
        assert [client.jobs.get(job).status for job in (ours, other, foreign)] == ["queued", "cancelled", "queued"]
        client.jobs.cancel(ours)
        assert demos.unfinished(client, Wish(HOME), screen) is None


def test_on_a_server_of_others_nothing_is_called_off_and_the_data_is_sent(
    url: str, service: Service, screen: Console, tmp_path: Path
) -> None:
    # two people who try the demo on one server must not end each other's, and the server sees no folder of ours
    write_scenes(tmp_path / "street", train=2, val=1, test=1, seed=0)
    with Client(url) as client:
        body: dict[str, Any] = {"dataset": add_ready_dataset(service).id, "student": {"arch": "ddrnet_23_nano"}}
        theirs = client.jobs.create({**body, "metadata": {"demo": "else"}}).id
        assert demos.unfinished(client, Wish(HOME), screen, alone=False) is None
        assert client.jobs.get(theirs).status == "queued"
        sent = demos.send(client, Wish(tmp_path / "mine"), tmp_path / "street")
    assert sent.state == "validating"
    assert list((tmp_path / "mine").iterdir()) == []


def test_a_refused_dataset_is_shown_and_ends_the_demo(url: str, service: Service, screen: Console) -> None:
    # before a minute of training, with the names of the files
    finding = {"code": "missing_pair", "severity": "error", "count": 1, "samples": ["images/train/a.jpg"]}
    finding |= {"message": "Images without a mask: 1", "fix": "Add the masks"}
    report = {"ok": False, "findings": [finding], "splits": [], "classes": []}
    dataset = service.datasets.change(
        add_dataset(service).id,
        lambda record, now: datasets.conclude(record, now, findings=Findings(ready=False, report=report, sha256=None)),
        fence=None,
    )
    with Client(url) as client, pytest.raises(InvalidDataset, match="mend what the report names"):
        demos.refuse(client, client.datasets.get(dataset.id), screen)
    assert "images/train/a.jpg" in written(screen)


def test_scenes_are_drawn_once(tmp_path: Path, screen: Console) -> None:
    # the second demo starts with the training
    wish = Wish(tmp_path, scenes=8, seed=5)
    folder = demos.draw_data(wish, screen)
    assert len(list(folder.glob("images/train/*.jpg"))) == 8
    assert demos.draw_data(wish, screen) == folder
    assert "are there" in written(screen)


def test_a_demo_is_alone_with_its_home(tmp_path: Path) -> None:
    # a database that the environment names belongs to somebody's production
    command = demos.plan(Wish(tmp_path), tmp_path / "data", 8400).commands["worker"]
    assert {"-uBPKD_DATABASE_URL", "-uBPKD_REDIS_URL", "-uBPKD_ARTIFACTS", f"BPKD_HOME={tmp_path}"} <= set(command)
