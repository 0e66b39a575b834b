from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from bpkd_core.data.layout import Pair, Split, fingerprint, held_out_names, open_layout
from bpkd_core.data.layouts.folder import read_classes
from bpkd_core.errors import InvalidDataset


def names(root: Path, split: Split) -> list[str]:
    return [pair.name for pair in open_layout(root).pairs(split)]


def test_stored_splits_are_listed_by_name(root: Path) -> None:
    # the order is part of reproducibility: it must not depend on the file system
    assert names(root, "train") == ["a", "b", "c", "d"]
    assert names(root, "val") == ["e", "f"]
    assert names(root, "test") == ["g"]


def test_without_val_a_part_of_train_is_held_out(root: Path) -> None:
    # training and validation must never share an image
    shutil.rmtree(root / "images" / "val")
    held_out, kept = names(root, "val"), names(root, "train")
    assert held_out
    assert kept
    assert sorted(held_out + kept) == ["a", "b", "c", "d"]


def test_holding_out_takes_a_tenth_and_is_stable_when_files_are_added() -> None:
    # else a grown dataset would be validated on images that an older model was trained on
    few = [f"street_{number}" for number in range(1000)]
    many = few + [f"square_{number}" for number in range(1000)]
    assert 70 <= len(held_out_names(few)) <= 130
    assert held_out_names(few) == held_out_names(many) & set(few)


def test_without_test_the_final_numbers_come_from_val(root: Path) -> None:
    # and the report has to be able to say so
    assert open_layout(root).evaluation_split == "test"
    shutil.rmtree(root / "images" / "test")
    assert open_layout(root).evaluation_split == "val"
    assert names(root, "test") == names(root, "val") == ["e", "f"]


def test_folders_below_a_split_are_part_of_the_name(root: Path) -> None:
    # Cityscapes keeps one folder for each town
    for kind, suffix in (("images", "jpg"), ("masks", "png")):
        (root / kind / "train" / "ulm").mkdir()
        (root / kind / "train" / f"a.{suffix}").rename(root / kind / "train" / "ulm" / f"a.v1.{suffix}")
    pair = open_layout(root).pairs("train")[3]
    assert pair.name == "ulm/a.v1"
    assert pair.labelled


def test_hidden_and_foreign_files_are_not_images(root: Path) -> None:
    # archives made on a Mac carry ._a.jpg beside a.jpg
    for name in ("._a.jpg", ".DS_Store", "notes.txt", "Thumbs.db"):
        (root / "images" / "train" / name).write_bytes(b"x")
    assert names(root, "train") == ["a", "b", "c", "d"]


@pytest.mark.parametrize("place", ["images/train/z.jpg", "masks/train/z.png", "masks/test", "classes.json"])
def test_a_link_out_of_the_root_is_refused(root: Path, tmp_path: Path, place: str) -> None:
    # an uploaded link to a secret would come back as an overlay picture
    outside = tmp_path / "secret"
    outside.mkdir() if place == "masks/test" else outside.write_bytes(b"secret")
    shutil.rmtree(root / place) if (root / place).is_dir() else (root / place).unlink(missing_ok=True)
    (root / place).symlink_to(outside)
    with pytest.raises(InvalidDataset, match="leads out of the dataset"):
        fingerprint(root) if place != "classes.json" else read_classes(root)


def test_a_linked_folder_is_not_entered(root: Path, tmp_path: Path) -> None:
    # a link below a split is no way out either
    (tmp_path / "elsewhere").mkdir()
    shutil.copy(root / "images/train/a.jpg", tmp_path / "elsewhere" / "z.jpg")
    (root / "images" / "train" / "more").symlink_to(tmp_path / "elsewhere")
    assert names(root, "train") == ["a", "b", "c", "d"]


@pytest.mark.parametrize("name", ["ulm/z", ".z"])
def test_a_mask_behind_a_link_is_not_read(root: Path, tmp_path: Path, name: str) -> None:
    # masks that were not listed are looked for by name, and a name may lead through a linked folder or to a hidden link
    (tmp_path / "elsewhere").mkdir()
    shutil.copy(root / "masks/train/a.png", tmp_path / "elsewhere" / "z.png")
    layout = open_layout(root)
    mask = root / "masks" / "train" / f"{name}.png"
    if "/" in name:
        mask.parent.symlink_to(tmp_path / "elsewhere")
    else:
        mask.symlink_to(tmp_path / "elsewhere" / "z.png")
    layout.find = lambda split: [Pair(name, root / "images/train/a.jpg", mask)]  # type: ignore[method-assign]
    with pytest.raises(InvalidDataset, match="leads out of the dataset"):
        layout.pairs("train")


def test_a_link_to_itself_is_refused(root: Path) -> None:
    # following it ends in an error of the system's, which names no file of the dataset
    (root / "images" / "train" / "z.jpg").symlink_to("z.jpg")
    with pytest.raises(InvalidDataset, match=r"images/train/z.jpg is a link that leads nowhere"):
        open_layout(root).pairs("train")


def test_a_link_inside_the_root_is_a_file_like_others(root: Path) -> None:
    # links save space where two splits share masks; they harm nobody
    (root / "images" / "train" / "z.jpg").symlink_to(root / "images" / "train" / "a.jpg")
    assert "z" in names(root, "train")


def test_two_images_of_one_name_are_refused(root: Path) -> None:
    # a.jpg and a.png would both take masks/train/a.png
    shutil.copy(root / "images/train/a.jpg", root / "images/train/a.jpeg")
    with pytest.raises(InvalidDataset, match="share one name"):
        open_layout(root).pairs("train")


def test_classes_are_sorted_and_void_is_no_class(root: Path) -> None:
    # people list void as 255; it must not become an output of the network
    entries = [
        {"id": 255, "name": "void", "color": [0, 0, 0]},
        {"id": 1, "name": "b", "color": [1, 2, 3]},
        {"id": 0, "name": "a", "color": [4, 5, 6]},
    ]
    (root / "classes.json").write_text(json.dumps(entries))
    classes = read_classes(root)
    assert [(each.id, each.name) for each in classes] == [(0, "a"), (1, "b")]
    assert classes[1].color == (1, 2, 3)


GOOD = {"id": 0, "name": "a", "color": [1, 2, 3]}


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[]",
        "7",
        "{}",
        "[1]",
        '{"a": 1}',
        "[" * 100_000,
        json.dumps([{**GOOD, "id": 1}]),
        json.dumps([GOOD, {**GOOD, "name": "b"}]),
        json.dumps([GOOD, {**GOOD, "id": 1}]),
        json.dumps([{**GOOD, "id": -1}]),
        json.dumps([{**GOOD, "id": True}]),
        json.dumps([{**GOOD, "id": "0"}]),
        json.dumps([{**GOOD, "name": None}]),
        json.dumps([{**GOOD, "color": [1, 2]}]),
        json.dumps([{**GOOD, "color": [1, 2, 256]}]),
        json.dumps([{**GOOD, "color": [1, 2, float("inf")]}]),
        json.dumps([{"id": 0, "name": "a"}]),
        json.dumps([{**GOOD, "name": ""}]),
        json.dumps([{**GOOD, "name": "x" * 100_000}]),
        json.dumps([{**GOOD, "name": "\0"}]),
        json.dumps([{**GOOD, "name": "\ud800"}]),
        json.dumps([{"id": i, "name": str(i), "color": [0, 0, 0]} for i in range(257)]),
        "\udcff",
    ],
)
def test_a_bad_class_list_is_refused_with_a_sentence(root: Path, content: str) -> None:
    # ids must count the network's outputs, one by one
    (root / "classes.json").write_bytes(content.encode("utf-8", "surrogateescape"))
    with pytest.raises(InvalidDataset, match=r"expected|its own") as refusal:
        read_classes(root)
    assert refusal.value.message.isprintable()
    assert len(refusal.value.message) < 400


def test_a_class_list_with_a_byte_order_mark_is_read(root: Path) -> None:
    # editors on Windows put one there, and show nothing of it
    path = root / "classes.json"
    path.write_text(path.read_text(), "utf-8-sig")
    assert len(read_classes(root)) == 3


def test_the_fingerprint_follows_names_and_contents_only(root: Path) -> None:
    # it names the data that a model was trained on, so a copy must have it too and any change must not
    first = fingerprint(root)
    assert fingerprint(Path(shutil.copytree(root, root.with_name("copy")))) == first
    (root / "masks/train/a.png").rename(root / "masks/train/aa.png")
    renamed = fingerprint(root)
    data = (root / "images/val/e.jpg").read_bytes()
    (root / "images/val/e.jpg").write_bytes(data + b"\0")
    assert len({first, renamed, fingerprint(root)}) == 3


def test_a_name_that_is_no_utf8_is_data_too(root: Path) -> None:
    # a Latin-1 archive leaves such names behind; nothing may crash on them
    shutil.rmtree(root / "images" / "val")
    source = root / "images/train/a.jpg"
    source.rename(source.with_name("stra\udcdfe.jpg"))
    assert "stra\udcdfe" in names(root, "train") + names(root, "val")
    assert len(fingerprint(root)) == 64
