from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bpkd_core.data import FolderDataset, Sample, check, draw_scene, write_scenes
from bpkd_core.data.scenes import CLASSES, scene_seed
from bpkd_core.data.scenes.light import vote
from bpkd_core.errors import InvalidInput


def digest(sample: Sample) -> str:
    return hashlib.sha256(sample.image_HW3.tobytes() + sample.labels_HW.tobytes()).hexdigest()


@pytest.fixture(scope="module")
def streets() -> list[Sample]:
    return [draw_scene(seed) for seed in range(16)]


def test_a_seed_gives_the_same_bytes_again(streets: list[Sample]) -> None:
    # published numbers on drawn data are worth something only if anybody can draw it again
    assert [digest(draw_scene(seed)) for seed in range(3)] == [digest(street) for street in streets[:3]]
    assert len({digest(street) for street in streets}) == len(streets)


def test_drawing_touches_no_global_randomness() -> None:
    # a scene drawn between two training steps must not change the second
    state = np.random.get_state()[1].copy()
    draw_scene(0, 64, 64)
    np.testing.assert_array_equal(np.random.get_state()[1], state)


@pytest.mark.parametrize("size", [(240, 320), (97, 131), (64, 200), (33, 32)])
def test_any_size_can_be_drawn(size: tuple[int, int]) -> None:
    # odd sizes and odd shapes are what tests of export and tiling ask for
    scene = draw_scene(4, *size)
    assert scene.image_HW3.shape == (*size, 3)
    assert scene.labels_HW.shape == size
    assert scene.image_HW3.dtype == scene.labels_HW.dtype == np.uint8


def test_every_class_and_void_occur_and_nothing_else(streets: list[Sample]) -> None:
    # a class that is never drawn would have no IoU
    counts = np.bincount(np.concatenate([street.labels_HW.ravel() for street in streets]), minlength=256)
    assert set(np.flatnonzero(counts)) == {*range(len(CLASSES)), 255}
    assert counts.max() / counts.sum() < 0.5
    assert [each.id for each in CLASSES] == list(range(11))


def test_boundaries_and_thin_things_abound(streets: list[Sample]) -> None:
    # the method is about boundaries: data without them could not tell methods apart
    labels = np.stack([street.labels_HW for street in streets])
    across = labels[:, :, 1:] != labels[:, :, :-1]
    assert 0.02 < across.mean() < 0.15
    thin = (labels[:, :, 1:-1] == 5) & (labels[:, :, :-2] != 5) & (labels[:, :, 2:] != 5)
    assert thin.sum() > 200  # poles of a single pixel's width


def test_colour_alone_decides_little(streets: list[Sample]) -> None:
    # a table from colour to class, fitted on the very pixels it is tested on, is still far from solving it
    bins = np.concatenate([(s.image_HW3 // 32).reshape(-1, 3).astype(int) @ [64, 8, 1] for s in streets])
    labels = np.concatenate([s.labels_HW.ravel() for s in streets])
    known = labels != 255
    table = np.zeros((512, 11), int)
    np.add.at(table, (bins[known], labels[known]), 1)
    predicted = table.argmax(1)[bins[known]]
    recall = [(predicted[labels[known] == c] == c).mean() for c in range(11)]
    assert np.mean(recall) < 0.4


def test_image_and_labels_are_aligned(streets: list[Sample]) -> None:
    # where the label changes the colour changes, more than one pixel to the left or right
    changes = [np.abs(np.diff(s.image_HW3.astype(float).sum(2), axis=1)) for s in streets]
    edges = [np.diff(s.labels_HW.astype(int), axis=1) != 0 for s in streets]

    def contrast(shift: int) -> float:
        return float(np.mean([c[np.roll(e, shift, 1)].mean() for c, e in zip(changes, edges, strict=True)]))

    assert max(range(-3, 4), key=contrast) == 0


def test_labels_vote_and_keep_thin_lines() -> None:
    # a majority wins; a line two subpixels wide, wherever it falls, keeps one pixel
    assert vote(np.array([[1, 2], [2, 2]], np.uint8)).tolist() == [[2]]
    assert vote(np.array([[1, 2], [3, 3]], np.uint8)).tolist() == [[3]]
    for column in range(6):
        canvas = np.zeros((4, 8), np.uint8)
        canvas[:, column : column + 2] = 5
        assert ((vote(canvas) == 5).sum(axis=1) == 1).all()


def test_a_written_dataset_is_sound_and_gives_the_drawn_scenes(tmp_path: Path) -> None:
    # the demo's first step: write, check, train
    calls: list[tuple[int, int]] = []
    write_scenes(tmp_path / "streets", train=12, val=2, test=2, seed=5, progress=lambda *call: calls.append(call))
    assert calls == [(done, 16) for done in range(1, 17)]
    assert [path.name for path in tmp_path.iterdir()] == ["streets"]
    report = check(tmp_path / "streets")
    assert report.ok, report.findings
    assert [(split.name, split.images) for split in report.splits] == [("train", 12), ("val", 2), ("test", 2)]
    sample = FolderDataset(tmp_path / "streets", "val")[1]
    assert digest(sample) == digest(draw_scene(scene_seed(5, "val", 1)))
    mask = Image.open(tmp_path / "streets/masks/val/00001.png")
    assert mask.getpalette()[:3] == json.loads((tmp_path / "streets/classes.json").read_text())[0]["color"]


def test_splits_and_seeds_share_no_scene() -> None:
    # a test scene that was trained on would flatter every number
    seeds = [scene_seed(seed, split, n) for seed in range(3) for split in ("train", "val", "test") for n in range(50)]
    assert len(set(seeds)) == len(seeds)


def test_an_interrupted_writing_leaves_nothing(tmp_path: Path) -> None:
    # half a dataset would pass for a whole one
    def stop(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_scenes(tmp_path / "streets", train=3, height=32, width=32, progress=stop)
    assert list(tmp_path.iterdir()) == []


def test_what_is_there_is_never_overwritten(tmp_path: Path) -> None:
    # somebody's photographs may be in that folder
    (tmp_path / "mine.jpg").write_bytes(b"x")
    with pytest.raises(InvalidInput, match="already holds something"):
        write_scenes(tmp_path, train=1)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.jpg"]


@pytest.mark.parametrize("wrong", [{"train": -1}, {"seed": -1}, {"height": 8}])
def test_impossible_numbers_are_refused(tmp_path: Path, wrong: dict[str, int]) -> None:
    # with a sentence, before a folder is made
    with pytest.raises(InvalidInput, match="too small"):
        write_scenes(tmp_path / "streets", **wrong)
    assert list(tmp_path.iterdir()) == []
