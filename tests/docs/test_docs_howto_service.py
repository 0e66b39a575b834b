"""The how-to pages that talk to a server, typed. A trainer that has nothing to learn stands in where it can."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from blocks import script
from fakes.colours import colour_teacher, write_blocks
from fakes.networks import threshold_onnx
from test_docs_blocks import SERVER, run

from bpkd_core.data import write_scenes

pytestmark = pytest.mark.e2e
HOWTO = Path(__file__).parents[2] / "docs" / "howto"


@pytest.fixture
def street(tmp_path: Path) -> Path:
    """A folder with a dataset and a photograph."""
    write_scenes(tmp_path / "street", train=4, val=2, test=2, height=64, width=96)
    shutil.copy(tmp_path / "street" / "images" / "test" / "00000.jpg", tmp_path / "photo.jpg")
    return tmp_path


def test_versions_are_promoted_rolled_back_and_traced(street: Path) -> None:
    # two students that differ, and a photograph
    (street / "first.onnx").write_bytes(threshold_onnx(100))
    (street / "second.onnx").write_bytes(threshold_onnx(200))
    said = run(SERVER + script(HOWTO / "promote-and-roll-back.md"), street)
    assert "street@2 is registered; candidate is version 2" in said
    assert "street: production is version 2 again" in said
    assert '"code":"precondition_failed"' in said
    assert (street / "mask.png").read_bytes() == (street / "candidate.png").read_bytes()


def test_the_client_is_driven_as_the_page_says(street: Path) -> None:
    # sync and async, through a job, its errors and its lists
    (street / "street").rename(street / "my-data")
    said = run(SERVER + script(HOWTO / "python-client.md"), street)
    assert "street@1 (64, 96) uint8 job_" in said
    assert "422 unknown_name #/student/arch" in said or "422 invalid_request #/student/arch" in said
    assert "{'street@1'}" in said
    assert (street / "student.onnx").read_bytes() == threshold_onnx()


def test_methods_are_compared_on_one_page(tmp_path: Path) -> None:
    # the teacher is probed in earnest; the students, which say what they see by its brightness, are all the same
    write_blocks(tmp_path / "street")
    colour_teacher(tmp_path / "teacher.onnx")
    said = run(SERVER + script(HOWTO / "compare-methods.md"), tmp_path)
    assert "method" in said
    assert "The page is compare.html" in said
    assert (tmp_path / "compare.html").read_text().startswith("<!doctype html>")
