"""The parts of a specification that say which data are learned, and how images are looked at."""

from __future__ import annotations

from typing import Any

import pytest

from bpkd_core.errors import BpkdError, InvalidSpec
from bpkd_core.spec import DistillSpec, parse_spec


def job(**fields: Any) -> DistillSpec:
    networks = {"teacher": {"type": "train", "arch": "pspnet_r101"}, "student": {"arch": "pspnet_r18"}}
    return parse_spec({"dataset": "street", **networks, **fields})


def test_by_default_masks_are_learned_and_whole_images_judged() -> None:
    """As before there was a choice."""
    spec = job()
    assert (spec.layout, spec.labels, spec.label_confidence) == ("auto", "dataset", 0.0)
    assert (spec.eval.mode, spec.eval.window, spec.eval.stride) == ("whole", None, None)


@pytest.mark.parametrize(
    ("evaluation", "word"),
    [
        ({"mode": "slide"}, "needs window and stride"),
        ({"mode": "slide", "window": [480, 480]}, "needs window and stride"),
        ({"mode": "whole", "window": [480, 480], "stride": [320, 320]}, "expected mode slide"),
        ({"mode": "slide", "window": [480, 480], "stride": [481, 320]}, "never seen"),
        ({"mode": "slide", "window": [480, 480], "stride": [0, 320]}, "expected at most"),
        ({"mode": "slide", "window": [8, 480], "stride": [4, 320]}, "from 32 to 4096"),
    ],
)
def test_windows_that_cannot_be_are_refused(evaluation: dict[str, Any], word: str) -> None:
    """Gaps between windows would be pixels that nobody has scored."""
    with pytest.raises(InvalidSpec, match=word) as refusal:
        job(eval=evaluation)
    assert refusal.value.param == "eval"


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"labels": "mine"}, "labels"),
        ({"label_confidence": 1.0}, "label_confidence"),
        ({"label_confidence": -0.1}, "label_confidence"),
        ({"train": {"resize": [512, 2048]}}, "train"),
        ({"train": {"cat_max_ratio": 0}}, "train.cat_max_ratio"),
        ({"train": {"flip": 1.5}}, "train.flip"),
    ],
)
def test_what_cannot_be_is_named(fields: dict[str, Any], param: str) -> None:
    """Each with the field to blame."""
    with pytest.raises(InvalidSpec) as refusal:
        job(**fields)
    assert refusal.value.param == param


def test_a_confidence_of_answers_that_nobody_asks_for_is_refused() -> None:
    """Whoever sets it expects the teacher to label."""
    with pytest.raises(InvalidSpec, match="so the teacher labels nothing"):
        job(label_confidence=0.5)
    assert job(label_confidence=0.5, labels="mixed").label_confidence == 0.5


def test_a_layout_is_one_of_the_catalog() -> None:
    """With the nearest name, as everywhere."""
    assert job(layout="cityscapes").layout == "cityscapes"
    with pytest.raises(BpkdError, match='Did you mean "pascal_context59"'):
        job(layout="pascal_context")
