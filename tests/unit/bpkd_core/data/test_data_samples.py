"""Pictures for people to look at."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from PIL import Image

from bpkd_core.data.base import Sample
from bpkd_core.data.samples import INDEX, PER_SPLIT, draw_overlay, write_samples

PALETTE = [(200, 0, 0), (0, 200, 0)]


def test_each_split_shows_some_of_its_images(root: Path, tmp_path: Path) -> None:
    """Spread evenly, named, and listed in the order of their files."""
    pictures = write_samples(root, tmp_path / "samples")
    assert [(picture.split, picture.name) for picture in pictures] == [
        *(("train", name) for name in "abcd"[:PER_SPLIT]),
        ("val", "e"),
        ("val", "f"),
        ("test", "g"),
    ]
    index = json.loads((tmp_path / "samples" / INDEX).read_text())
    assert index == [picture._asdict() for picture in pictures]
    assert {path.name for path in (tmp_path / "samples").iterdir()} == {INDEX, *(each.file for each in pictures)}


def test_what_cannot_be_read_is_left_out(root: Path, tmp_path: Path) -> None:
    """The report says what is wrong with it; the other pictures are no less worth looking at."""
    (root / "images/train/a.jpg").write_bytes(b"no image")
    (root / "masks/train/b.png").unlink()
    names = [picture.name for picture in write_samples(root, tmp_path / "samples")]
    assert names == ["c", "d", "e", "f", "g"]


def test_a_dataset_without_a_split_is_no_error(root: Path, tmp_path: Path) -> None:
    """The val that is held out of train is shown as val; a test that is not there is not shown twice."""
    for folder in ("images", "masks"):
        for split in ("val", "test"):
            for file in (root / folder / split).iterdir():
                file.unlink()
    splits = {picture.split for picture in write_samples(root, tmp_path / "samples")}
    assert splits == {"train", "val"}


def test_colours_lie_on_the_image_and_void_shows_it_as_it_is() -> None:
    """Black over void would hide just what nobody has labelled."""
    image_HW3 = np.full((2, 2, 3), 100, np.uint8)
    labels_HW = np.array([[0, 1], [255, 255]], np.uint8)
    drawn_HW3 = np.asarray(draw_overlay(Sample(image_HW3, labels_HW), PALETTE))
    assert drawn_HW3[0].tolist() == [[150, 50, 50], [50, 150, 50]]
    assert (drawn_HW3[1] == 100).all()


def test_a_picture_is_small() -> None:
    """A page of them is looked at, not one."""
    sample = Sample(np.zeros((100, 4800, 3), np.uint8), np.zeros((100, 4800), np.uint8))
    assert draw_overlay(sample, PALETTE).size == (480, 10)
    assert isinstance(draw_overlay(sample, PALETTE), Image.Image)
