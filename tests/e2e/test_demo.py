"""The main job from end to end, as small as it can be: drawn scenes, three trainings, masks over HTTP."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from demo_process import DemoProcess
from PIL import Image

from bpkd_core.bundle import Result, describe
from bpkd_core.infer import Session, decode_image
from service.cli.children import take_port, url_for
from service.cli.up import Plan, Supervisor, running
from service.client import Client

TINY = ("--steps", "4", "--scenes", "8")
WITHIN_S = 240.0


class Finished(NamedTuple):
    answer: dict[str, Any]
    survivors: list[int]


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Finished]:
    """One demo for all the tests of this file: a minute on two idle cores."""
    with DemoProcess(tmp_path_factory.mktemp("e2e") / "demo", *TINY) as demo:
        assert demo.wait(WITHIN_S) == 0, demo.said()
        yield Finished(demo.answer(), demo.survivors())


@pytest.fixture
def answer(finished: Finished) -> dict[str, Any]:
    return finished.answer


def test_the_answer_holds_all_that_was_measured(answer: dict[str, Any]) -> None:
    # scripts compare these numbers from machine to machine
    result = Result.model_validate(answer["result"])
    assert result.control is not None
    assert (result.split, result.images) == ("test", 2)
    for network in (result.teacher, result.control, result.student):
        assert network.miou is not None
        assert 0 < network.miou < 1
        assert network.parity is not None
        assert network.parity.mask_agreement > 0.999
        assert network.steps == 4
    assert result.student.parameters < result.teacher.parameters
    assert (answer["model"], answer["version"], answer["alias"]) == ("street", 1, "production")
    assert answer["job"].startswith("job_")
    assert 0 < answer["seconds"] < WITHIN_S


def test_the_report_is_brought_home(answer: dict[str, Any]) -> None:
    # a page for a browser, of this run: everything that the table leaves out
    page = Path(answer["report"]).read_text()
    assert page.startswith("<!doctype html>")
    assert "boundary IoU" in page


def test_the_picture_can_be_looked_at(answer: dict[str, Any]) -> None:
    # six columns, a row for each of the two images
    with Image.open(answer["picture"]) as picture:
        picture.load()
        assert picture.width > picture.height > 300


def test_masks_over_http_are_those_of_the_file(answer: dict[str, Any]) -> None:
    # what is served is what was measured: pixel by pixel
    session = Session(answer["student_onnx"])
    assert len(answer["masks"]) == len(answer["images"]) == 2
    for image, mask in zip(answer["images"], answer["masks"], strict=True):
        expected = session.predict(decode_image(Path(image).read_bytes()))
        np.testing.assert_array_equal(np.asarray(Image.open(mask)), expected)
    assert describe(Path(answer["student_onnx"])).size == answer["result"]["student"]["onnx_bytes"]


def test_nothing_is_left_running(finished: Finished) -> None:
    # a demo that goes on burning a core is the last one that somebody tries
    assert finished.survivors == []


def test_the_student_is_served_again_from_its_home(answer: dict[str, Any]) -> None:
    # the last lines of the demo promise it
    home, port = Path(answer["home"]), take_port("127.0.0.1")
    variables: dict[str, str | None] = {"BPKD_HOME": str(home), "BPKD_PORT": str(port)}
    with running(Supervisor(Plan.of(home, url_for("127.0.0.1", port), variables))) as url, Client(url) as client:
        mask = client.models.infer("street", Path(answer["images"][0]))
    assert mask.model == "street@1"
    np.testing.assert_array_equal(mask.ids, np.asarray(Image.open(answer["masks"][0])))


def test_bad_data_ends_a_demo_before_training(tmp_path: Path) -> None:
    # one sentence and status 1, with the report above it
    for split in ("train", "val"):
        for kind in ("images", "masks"):
            (tmp_path / "broken" / kind / split).mkdir(parents=True)
        Image.new("RGB", (32, 32)).save(tmp_path / "broken" / "images" / split / f"{split}.png")
    (tmp_path / "broken" / "classes.json").write_text('[{"id": 0, "name": "road", "color": [1, 2, 3]}]')
    command = [sys.executable, "-m", "service.cli", "demo", "--data", str(tmp_path / "broken"), "--home", "home"]
    ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert ended.returncode == 1
    assert "images/train/train.png" in ended.stdout
    assert ended.stderr == "The dataset was refused; mend what the report names and start the demo again\n"
