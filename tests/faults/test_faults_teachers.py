"""F25: teachers that would teach nonsense, sent over HTTP; refused before a training is spent on them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fakes.colours import colour_teacher
from fakes.teaching import Send, refusal, teaching

from bpkd_core.foreign.findings import NORMALISATIONS

BGR_BYTES = NORMALISATIONS["pixels from 0 to 255"].model_copy(update={"color": "bgr"})
RGB = {"color": "rgb", "scale": 255}


@pytest.fixture(scope="module")
def send(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Send]:
    with teaching(tmp_path_factory.mktemp("home")) as send:
        yield send


@pytest.mark.parametrize(
    ("made", "file", "said"),
    [
        ({"spoil": float("nan")}, {}, "are not finite"),
        ({"kind": "ids"}, {}, "class ids and no scores"),
        ({"known": (0, 1, 2)}, {}, "scores 3 classes and the dataset has 5"),
        (
            {"pixels": BGR_BYTES},
            {"input": RGB},
            "mIoU with these settings, 100% with BGR instead of RGB and pixels from 0",
        ),
        ({"known": (1, 0, 3, 2, 4)}, {"classes": dict(enumerate(range(5)))}, "in another order than the dataset's"),
    ],
)
def test_nonsense_is_refused_with_the_numbers(
    send: Send, tmp_path: Path, made: dict[str, Any], file: dict[str, Any], said: str
) -> None:
    """Other classes, NaN, and settings that a person got wrong."""
    assert said in refusal(send(colour_teacher(tmp_path / "theirs.onnx", **made), **file))


def test_after_all_of_them_an_honest_file_is_ready(send: Send, tmp_path: Path) -> None:
    """Its reading was found: nobody had to say that it takes BGR, nor which of its classes are missing."""
    path = colour_teacher(tmp_path / "theirs.onnx", pixels=BGR_BYTES, known=(0, 1, 2, 4))
    teacher = send(path, classes={"0": "road", "1": "sky", "2": "tree", "3": "car"})
    assert (teacher.state, teacher.size) == ("ready", path.stat().st_size)
    assert teacher.miou is not None
    assert teacher.miou > 0.6  # of five classes, one of which it never says
