"""The images that are worth looking at: which, and what is drawn of them."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable

import numpy as np
import pytest
from fakes.spoiled import DATA, MODELS, spoiled
from PIL import Image

from bpkd_core.picture import VOID, paint
from bpkd_core.report import Report, draw_gallery, gallery
from bpkd_core.report.gallery import choose


def pixels(uri: str) -> np.ndarray:
    head, _, data = uri.partition(",")
    assert head in ("data:image/png;base64", "data:image/jpeg;base64")
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(data))).convert("RGB"))


def test_the_worst_images_come_first(report: Report) -> None:
    """Spoiled more with each number, so the last scenes are the worst."""
    chosen = choose(report)
    wrong = [1 - report.judged.images[index].pixel_accuracy for index in chosen["Most wrong pixels"]]
    assert wrong == sorted(wrong, reverse=True)
    assert chosen["Most wrong pixels"][0] == 4
    assert len(chosen["Most gained over the control"]) == 3
    assert chosen["Most lost against the control"] == []  # the control is worse on every image


def test_nothing_was_gained_where_the_control_is_better(report_of: Callable[..., Report]) -> None:
    """The least lost is not a gain."""
    chosen = choose(report_of(control=spoiled(0.1), student=spoiled(0.3)))
    assert chosen["Most gained over the control"] == []
    assert len(chosen["Most lost against the control"]) == 3


def test_an_image_without_a_label_is_never_chosen(report: Report) -> None:
    """It has no wrong pixel, and none that is right."""
    first, *others = report.judged.images
    judged = report.judged.model_copy(update={"images": [first.model_copy(update={"pixel_accuracy": None}), *others]})
    alone = report.model_copy(update={"models": {"student": judged}})
    assert 0 not in choose(alone)["Most wrong pixels"]


def test_a_row_shows_image_truth_every_model_and_the_errors(report: Report) -> None:
    """Side by side, in the colours of the classes, as small pictures that lie inside the page."""
    drawn = draw_gallery(DATA, MODELS, report)
    row = drawn.sections["Most wrong pixels"][0]
    assert [title for title, _ in row.pictures] == ["image", "truth", "teacher", "control", "student", "errors"]
    assert row.name == DATA.names[4]
    np.testing.assert_array_equal(pixels(row.pictures[1][1]), paint(DATA[4].labels_HW, DATA.classes))
    student = MODELS["student"](row.name, DATA[4].image_HW3)
    np.testing.assert_array_equal(pixels(row.pictures[4][1]), paint(student, DATA.classes))
    void = DATA[4].labels_HW == 255
    assert (pixels(row.pictures[5][1])[void] == VOID).all()


def test_a_caption_tells_the_share_of_wrong_pixels(report: Report) -> None:
    """And how the control does on the same image."""
    row = draw_gallery(DATA, MODELS, report).sections["Most wrong pixels"][0]
    ours, control = (1 - report.models[name].images[4].pixel_accuracy for name in ("student", "control"))
    assert row.caption.startswith(f"{100 * ours:.1f} % wrong pixels (control {100 * control:.1f}, ")


def test_a_model_alone_has_no_control_to_be_held_against(report_of: Callable[..., Report]) -> None:
    """`bpkd evaluate` of one file: right, wrong, no label. A file may be called control.onnx."""
    models = {"control": spoiled(0.1)}
    drawn = draw_gallery(DATA, models, report_of(**models))
    assert list(drawn.sections) == ["Most wrong pixels"]
    assert [name for name, _ in drawn.errors] == ["right", "wrong", "no label"]
    assert "control" not in drawn.sections["Most wrong pixels"][0].caption


def test_against_a_teacher_nothing_is_called_wrong(report_of: Callable[..., Report]) -> None:
    """A pixel that differs from a teacher's prediction may be right."""
    models = {"student": spoiled(0.1)}
    drawn = draw_gallery(DATA, models, report_of("teacher", **models))
    row = drawn.sections["Most pixels that differ"][0]
    assert [title for title, _ in row.pictures] == ["image", "teacher's prediction", "student", "differences"]
    assert [name for name, _ in drawn.errors] == ["agrees", "does not", "no label"]
    assert "wrong" not in row.caption


def test_the_pictures_of_a_page_are_bounded(report: Report, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows that do not fit are left out; the page can still be mailed."""
    monkeypatch.setattr(gallery, "MAX_BYTES", 100_000)
    drawn = draw_gallery(DATA, MODELS, report)
    sizes = [len(uri) for rows in drawn.sections.values() for row in rows for _, uri in row.pictures]
    assert 0 < sum(sizes) <= 100_000


def test_a_large_image_is_shown_small() -> None:
    """320 px wide, its proportions kept; masks keep hard borders."""
    uri = gallery.picture_uri(np.zeros((500, 1000, 3), np.uint8), "PNG")
    assert pixels(uri).shape == (160, 320, 3)
