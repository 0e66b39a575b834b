"""The tree of errors, and its way across a process border."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from bpkd_core import errors
from bpkd_core.errors import BpkdError, InvalidDataset, UnknownName


def family(kind: type[BpkdError]) -> Iterator[type[BpkdError]]:
    yield kind
    for child in kind.__subclasses__():
        yield from family(child)


OURS = [kind for kind in family(BpkdError) if kind.__module__ == errors.__name__]


@pytest.mark.parametrize("kind", OURS)
def test_the_drawn_tree_shows_every_class_with_its_code(kind: type[BpkdError]) -> None:
    """The drawing is what people read; a class that is missing there would be unknown to them."""
    rows = [line.split() for line in (errors.__doc__ or "").splitlines()]
    assert any(kind.__name__ in row and kind.code in row for row in rows)


def test_no_two_classes_share_a_code() -> None:
    """Callers branch on the code, and so does the way back from JSON."""
    assert len({kind.code for kind in OURS}) == len(OURS)


@pytest.mark.parametrize("kind", OURS)
def test_an_error_survives_json(kind: type[BpkdError]) -> None:
    """The trainer is a child process: what it says must arrive as the class that it was."""
    error = kind("The lr is 0; expected more.", param="train.lr", hint="Try 0.01.")
    back = BpkdError.from_dict(json.loads(json.dumps(error.to_dict())))
    assert type(back) is kind
    assert str(back) == "The lr is 0; expected more."
    assert back.to_dict() == error.to_dict()
    assert (back.param, back.hint, back.retryable) == ("train.lr", "Try 0.01.", kind.retryable)


def test_a_refused_dataset_takes_its_report_along() -> None:
    """Without the file names of the report the refusal could not be mended from the other side of the border."""
    report = {"ok": False, "findings": [{"code": "missing_pair", "samples": ["images/train/a.jpg"]}]}
    back = BpkdError.from_dict(InvalidDataset("One mask is missing.", report=report).to_dict())
    assert isinstance(back, InvalidDataset)
    assert back.report == report


def test_an_unknown_code_is_the_base_class() -> None:
    """An older worker must be able to read the errors of a newer trainer."""
    back = BpkdError.from_dict({"code": "of_tomorrow", "message": "Something new."})
    assert type(back) is BpkdError
    assert (back.message, back.param, back.retryable) == ("Something new.", None, False)


def test_an_unknown_name_names_the_nearest() -> None:
    """A typing error is mended by reading one word."""
    error = UnknownName.among("student", "segformer_b00", ["segformer_b5", "pspnet_r18", "segformer_b0"], param="arch")
    assert error.message == 'Unknown student "segformer_b00". Did you mean "segformer_b0"?'
    assert error.hint == "Known: pspnet_r18, segformer_b0, segformer_b5."
    assert error.param == "arch"


def test_a_name_like_no_other_is_not_answered_with_a_guess() -> None:
    """A far-fetched suggestion is worse than none."""
    assert UnknownName.among("student", "xyz", ["pspnet_r18"]).message == 'Unknown student "xyz".'
