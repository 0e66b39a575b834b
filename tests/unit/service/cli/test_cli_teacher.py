"""`bpkd teacher probe`: the table, the sentence, and the exit status that a script looks at."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from bpkd_command import Bpkd
from fakes.colours import colour_teacher, write_blocks
from fakes.hostile import pickled

from bpkd_core.errors import BpkdError
from bpkd_core.foreign import Probe
from bpkd_core.foreign.findings import NORMALISATIONS
from service.cli.probe import run_probe

BGR_BYTES = NORMALISATIONS["pixels from 0 to 255"].model_copy(update={"color": "bgr"})


@pytest.fixture(scope="module")
def blocks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_blocks(tmp_path_factory.mktemp("data") / "blocks", train=1, val=2, test=0)


def test_it_shows_every_setting_and_says_which_to_take(bpkd: Bpkd, blocks: Path, tmp_path: Path) -> None:
    """Somebody with a colleague's file wants one answer, and the numbers behind it."""
    answer = bpkd("teacher", "probe", colour_teacher(tmp_path / "theirs.onnx", pixels=BGR_BYTES), "--data", blocks)
    assert answer.code == 0, answer.err
    taken = next(line for line in answer.out.splitlines() if line.startswith("taken"))
    assert taken.split("  ")[1:2] == ["BGR, pixels from 0 to 255"]
    assert "100.0 %" in taken
    assert "It can teach 5 of 5 classes as BGR, pixels from 0 to 255: 100.0 % mIoU on 2 images" in answer.out
    assert answer.out.count("as they are") == 2 * len(NORMALISATIONS)


def test_settings_are_checked_and_json_is_the_probe_itself(bpkd: Bpkd, blocks: Path, tmp_path: Path) -> None:
    """A script asks whether what is written in a specification is right."""
    path = colour_teacher(tmp_path / "theirs.onnx", pixels=BGR_BYTES)
    answer = bpkd("teacher", "probe", path, "--data", blocks, "--color", "rgb", "--scale", "255", "--json")
    assert answer.code == 1
    found = Probe.model_validate(answer.json)
    assert (found.findings[0].severity, found.findings[0].code) == ("error", "wrong_input")


def test_a_map_of_classes_is_read_from_a_file(bpkd: Bpkd, blocks: Path, tmp_path: Path) -> None:
    """The same file that bpkd evaluate takes."""
    (tmp_path / "map.json").write_text('{"0": "road", "1": "sky", "2": "car"}')
    path = colour_teacher(tmp_path / "theirs.onnx", known=(0, 1, 4))
    answer = bpkd("teacher", "probe", path, "--data", blocks, "--class-map", tmp_path / "map.json")
    assert answer.code == 0, answer.err
    assert "The teacher does not know tree, sign" in answer.out
    assert "It can teach 3 of 5 classes" in answer.out


def test_a_file_that_is_no_teacher_is_one_sentence(bpkd: Bpkd, blocks: Path, tmp_path: Path) -> None:
    """On standard error, with status 1, as every refusal."""
    answer = bpkd("teacher", "probe", colour_teacher(tmp_path / "theirs.onnx", kind="ids"), "--data", blocks)
    assert (answer.code, answer.out) == (1, "")
    assert "export the network without its argmax" in answer.err


def test_weights_are_probed_as_a_server_would_probe_them(bpkd: Bpkd, blocks: Path, tmp_path: Path) -> None:
    """With the same command of the core; here they are a program, and nothing runs it."""
    mark = tmp_path / "mark"
    path = pickled(tmp_path / "their.pth", mark)
    answer = bpkd("teacher", "probe", path, "--data", blocks, "--arch", "ddrnet_23_nano")
    assert (answer.code, answer.out) == (1, "")
    assert '"their.pth" (' in answer.err
    assert "holds no weights" in answer.err
    assert not mark.exists()


def test_how_a_network_of_the_catalog_is_fed_is_not_asked(bpkd: Bpkd, blocks: Path, tmp_path: Path) -> None:
    """An option that changes nothing would be believed."""
    path = colour_teacher(tmp_path / "theirs.onnx")
    answer = bpkd("teacher", "probe", path, "--data", blocks, "--arch", "ddrnet_23", "--color", "bgr")
    assert answer.code == 2
    assert "whose input is known" in answer.err


def test_a_probe_that_ends_without_a_word_is_told_by_its_last() -> None:
    """What it wrote for people, not nothing."""
    with pytest.raises(BpkdError, match="The probe ended with code 1: boom"):
        run_probe({}, command=(sys.executable, "-c", "import sys; sys.exit('boom')"))
