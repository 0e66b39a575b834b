from __future__ import annotations

import pickle
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bpkd_core.catalog import load
from bpkd_core.data.folder import UNLABELLED, FolderDataset
from bpkd_core.errors import InvalidDataset, InvalidImage


def test_a_sample_is_the_image_and_mask_on_disk(root: Path) -> None:
    # the whole point of a dataset
    dataset = FolderDataset(root, "train")
    sample = dataset[2]
    assert dataset.names[2] == "c"
    assert [each.name for each in dataset.classes] == ["road", "car", "sky"]
    np.testing.assert_array_equal(sample.labels_HW, np.array(Image.open(root / "masks/train/c.png")))
    image = np.array(Image.open(root / "images/train/c.jpg")).astype(int)
    assert np.abs(sample.image_HW3.astype(int) - image).max() <= 2  # two JPEG decoders may round apart


def test_iterating_ends_after_the_last_sample(root: Path) -> None:
    # Python iterates by index until IndexError
    assert len(list(FolderDataset(root, "train"))) == len(FolderDataset(root, "train")) == 4


def test_a_cached_sample_is_decoded_once_and_the_bound_holds(root: Path) -> None:
    # decoding costs more than training a small student, and memory is not endless
    one = 24 * 32 * 4
    dataset = FolderDataset(root, "train", cache_bytes=2 * one + one // 2)
    first, second, third = dataset[0], dataset[1], dataset[2]
    assert dataset[0] is first
    assert dataset[1] is second
    assert dataset[2] is not third
    np.testing.assert_array_equal(dataset[2].image_HW3, third.image_HW3)


def test_test_falls_back_to_val_and_says_so(root: Path) -> None:
    # a report must name the split that was measured
    shutil.rmtree(root / "images/test")
    dataset = FolderDataset(root, "test")
    assert dataset.split == "val"
    assert list(dataset.names) == ["e", "f"]


def test_an_image_without_mask_is_named_at_once(root: Path) -> None:
    # not after an hour of training, when the sampler first meets it
    (root / "masks/train/b.png").unlink()
    with pytest.raises(InvalidDataset, match=r"first is b; add masks/train/b\.png"):
        FolderDataset(root, "train")


def test_images_without_masks_are_kept_dropped_or_taken_alone(root: Path) -> None:
    # a student may learn a teacher's answer on them; a score may not count them
    (root / "masks/train/b.png").unlink()
    shutil.copytree(root / "images/val", root / "images/unlabeled")
    assert FolderDataset(root, "train", unlabelled="drop").names == ("a", "c", "d")
    kept, only = (FolderDataset(root, "train", unlabelled=how) for how in ("keep", "only"))
    assert kept.names == only.names == ("a", "b", "c", "d", "e", "f")
    assert [bool((sample.labels_HW == UNLABELLED).all()) for sample in kept] == [False, True, False, False, True, True]
    assert all((sample.labels_HW == UNLABELLED).all() for sample in only)
    assert FolderDataset(root, "val", unlabelled="keep").names == ("e", "f")


def test_a_value_that_no_class_has_is_refused(root: Path) -> None:
    # the loss would index past the last class
    Image.fromarray(np.full((24, 32), 3, np.uint8)).save(root / "masks/train/a.png")
    with pytest.raises(InvalidDataset, match="mask of a holds 3, which no class has"):
        FolderDataset(root, "train")[0]


def test_an_empty_split_is_refused(root: Path) -> None:
    # a loader over nothing would spin forever
    shutil.rmtree(root / "images/train")
    with pytest.raises(InvalidDataset, match="train has no image"):
        FolderDataset(root, "train")


def test_a_mask_of_another_size_is_refused(root: Path) -> None:
    # resizing it silently would shift every boundary
    Image.new("L", (10, 24)).save(root / "masks/train/a.png")
    with pytest.raises(InvalidDataset, match="mask of a is 10x24 and its image 32x24"):
        FolderDataset(root, "train")[0]


def test_a_broken_image_names_its_file(root: Path) -> None:
    # one bad file among thousands has to be found
    (root / "images/train/a.jpg").write_bytes(b"\xff\xd8\xff")
    with pytest.raises(InvalidImage, match=r"a\.jpg"):
        FolderDataset(root, "train")[0]


def test_a_dataset_travels_to_worker_processes(root: Path) -> None:
    # loader workers and trainers get it by pickle where they are not forked
    copy = pickle.loads(pickle.dumps(FolderDataset(root, "val")))
    np.testing.assert_array_equal(copy[1].labels_HW, FolderDataset(root, "val")[1].labels_HW)


def test_the_catalog_knows_it_by_name(root: Path) -> None:
    # jobs name the layout, not the class
    assert isinstance(FolderDataset(root, "train").layout, load("datasets", "folder"))
