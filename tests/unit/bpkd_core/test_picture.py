"""The picture of a run, pixel by pixel where it matters."""

from __future__ import annotations

import io

import numpy as np
import pytest
from fakes.colours import Blocks
from PIL import Image

from bpkd_core.bundle import ClassInfo
from bpkd_core.data import IGNORE_INDEX, Sample
from bpkd_core.data.base import UInt8Array
from bpkd_core.picture import (
    GAINED,
    GAP,
    LOST,
    RIGHT,
    ROW_HEIGHT,
    VOID,
    WORDS,
    WRONG,
    draw_comparison,
    draw_examples,
    paint,
    paint_errors,
)

CLASSES = [ClassInfo(id=0, name="road", color=(10, 20, 30)), ClassInfo(id=1, name="car", color=(200, 100, 50))]
TITLE = 22


def draw(samples: list[Sample], masks: dict[str, list[np.ndarray]]) -> np.ndarray:
    picture = Image.open(io.BytesIO(draw_comparison(samples, masks, CLASSES)))
    assert (picture.format, picture.mode) == ("PNG", "RGB")
    return np.asarray(picture)


def cell(page: np.ndarray, row: int, column: int, width: int) -> np.ndarray:
    top, left = TITLE + row * (ROW_HEIGHT + GAP), GAP + column * (width + GAP)
    return page[top : top + ROW_HEIGHT, left : left + width]


def colours(pixels: np.ndarray) -> set[tuple[int, ...]]:
    return {tuple(colour) for colour in pixels.reshape(-1, 3).tolist()}


def test_classes_have_their_colours_and_what_has_none_is_grey() -> None:
    """Void, and an id that no class has, must not look like a class."""
    painted = paint(np.array([[0, 1, 7, IGNORE_INDEX]], np.uint8), CLASSES)
    assert painted.tolist() == [[[10, 20, 30], [200, 100, 50], list(VOID), list(VOID)]]


def test_errors_say_who_was_right() -> None:
    """All four outcomes of student against control, and void, which is nobody's error."""
    truth = np.array([[0, 0, 0, 0, IGNORE_INDEX]], np.uint8)
    student = np.array([[0, 0, 1, 1, 1]], np.uint8)
    control = np.array([[0, 1, 0, 1, 0]], np.uint8)
    together = [tuple(colour) for colour in paint_errors(truth, student, control)[0].tolist()]
    alone = [tuple(colour) for colour in paint_errors(truth, student, None)[0].tolist()]
    assert together == [RIGHT, GAINED, LOST, WRONG, VOID]
    assert alone == [RIGHT, RIGHT, WRONG, WRONG, VOID]


def test_a_row_shows_image_truth_masks_and_errors() -> None:
    """In this order, one image a row, every mask in the colours of the truth."""
    image = np.zeros((60, 80, 3), np.uint8) + np.array([7, 8, 9], np.uint8)
    road, car = np.zeros((60, 80), np.uint8), np.ones((60, 80), np.uint8)
    samples = [Sample(image, road), Sample(image, car)]
    page = draw(samples, {"teacher": [road, car], "control": [road, road], "student": [car, car]})
    width = ROW_HEIGHT * 80 // 60
    assert page.shape == (TITLE + 2 * (ROW_HEIGHT + GAP) + GAP + 2 * TITLE, 6 * (width + GAP) + GAP, 3)
    seen = [[colours(cell(page, row, column, width)) for column in range(6)] for row in range(2)]
    road_colour, car_colour = ({CLASSES[index].color} for index in (0, 1))
    assert seen[0] == [{(7, 8, 9)}, road_colour, road_colour, road_colour, car_colour, {LOST}]
    assert seen[1] == [{(7, 8, 9)}, car_colour, car_colour, road_colour, car_colour, {GAINED}]


@pytest.mark.parametrize("masks", [["teacher", "student"], ["student"]])
def test_without_a_control_an_error_is_just_wrong(masks: list[str]) -> None:
    """The legend then speaks of right and wrong only."""
    truth, wrong = np.zeros((60, 60), np.uint8), np.ones((60, 60), np.uint8)
    page = draw([Sample(np.zeros((60, 60, 3), np.uint8), truth)], {name: [wrong] for name in masks})
    assert colours(cell(page, 0, 2 + len(masks), ROW_HEIGHT)) == {WRONG}


def test_a_teacher_that_is_the_reference_stands_in_its_own_column() -> None:
    """Called truth it would be a lie, and shown twice it would look like a teacher without an error."""
    data = Blocks(1)

    def truth(_name: str, _image: UInt8Array) -> UInt8Array:
        return data.samples[0].labels_HW

    against = {name: draw_examples(data, {"teacher": truth, "student": truth}, name) for name in WORDS}
    widths = {name: Image.open(io.BytesIO(page)).width for name, page in against.items()}
    assert widths["labels"] > widths["teacher"]
    assert WORDS["teacher"].truth == "teacher"
    assert not {"truth", "right", "wrong", "errors"} & {*WORDS["teacher"]}


def test_images_of_several_sizes_share_one_page() -> None:
    """Photographs are upright and lying; a picture of both must not fail at the end of a long run."""
    samples = [Sample(np.zeros((h, w, 3), np.uint8), np.zeros((h, w), np.uint8)) for h, w in ((30, 40), (40, 30))]
    page = draw(samples, {"student": [sample.labels_HW for sample in samples]})
    assert colours(cell(page, 1, 2, 240)) == {CLASSES[0].color}
