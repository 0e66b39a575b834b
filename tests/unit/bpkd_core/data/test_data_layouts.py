"""Every layout that is read: found by itself, read to the labels that were drawn, and judged in its own words."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from fakes.layouts import CVAT_LABELS, WRITERS, save_grey, write_camvid, write_original_camvid
from PIL import Image

from bpkd_core import catalog
from bpkd_core.data import FolderDataset, Report, check, fingerprint
from bpkd_core.data.layout import Layout, open_layout
from bpkd_core.data.layouts.camvid import GROUPS
from bpkd_core.data.masks import voc_colours
from bpkd_core.errors import InvalidDataset, UnknownName

every_layout = pytest.mark.parametrize("name", WRITERS)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "data"


def names(report: Report) -> list[str]:
    return [finding.code for finding in report.findings]


def same_labels(dataset: FolderDataset, expected: dict[str, np.ndarray]) -> None:
    assert sorted(dataset.names) == sorted(expected)
    for name, sample in zip(dataset.names, dataset, strict=True):
        np.testing.assert_array_equal(sample.labels_HW, expected[name], err_msg=name)


@every_layout
def test_a_layout_is_found_and_its_labels_are_those_that_were_drawn(name: str, place: Path) -> None:
    # a shift by one, or a void that counts as a class, would go unnoticed until the numbers are compared with a paper
    written = WRITERS[name](place)
    assert FolderDataset(place, "train").layout.name == name
    if name == "cvat":
        both = [FolderDataset(place, split) for split in ("train", "val")]
        labels = {n: s.labels_HW for data in both for n, s in zip(data.names, data, strict=True)}
        assert labels.keys() == written["default"].keys()
        assert all(np.array_equal(labels[n], written["default"][n]) for n in labels)
        return
    for split, expected in written.items():
        same_labels(FolderDataset(place, split), expected)  # type: ignore[arg-type]


@every_layout
def test_a_sound_folder_has_no_error_and_says_its_layout(name: str, place: Path) -> None:
    # the same report for each, with what it was taken for
    WRITERS[name](place)
    report = check(place)
    assert report.ok, report.findings
    assert report.layout == name
    assert report.to_dict()["layout"] == name
    assert len(report.classes) == {"cityscapes": 19, "ade20k": 150, "pascal_context59": 59, "voc": 21, "cvat": 3}.get(
        name, 11
    )
    assert all(split.labelled == split.images for split in report.splits)


@every_layout
def test_a_layout_may_be_named_and_a_wrong_name_is_refused(name: str, place: Path) -> None:
    # two layouts may fit one folder, and then a person decides
    WRITERS[name](place)
    assert open_layout(place, name).name == name
    other = "cityscapes" if name != "cityscapes" else "voc"
    with pytest.raises(InvalidDataset, match=f"does not hold the layout {other}; expected "):
        open_layout(place, other)


def test_every_layout_of_the_catalog_is_tried_here() -> None:
    # a row of the table that nobody reads may be wrong; the canonical one has tests of its own
    assert {*WRITERS, "folder"} == set(catalog.DATASETS)
    for name in catalog.DATASETS:
        kind = catalog.load("datasets", name)
        assert issubclass(kind, Layout)
        assert kind.name == name


def test_a_name_that_no_layout_has_is_answered_with_the_nearest(root: Path) -> None:
    # as everywhere
    with pytest.raises(UnknownName, match='Did you mean "cityscapes"'):
        open_layout(root, "cityscape")


@every_layout
def test_a_missing_mask_is_named_with_a_fix_of_the_layouts_own(name: str, place: Path) -> None:
    # "add masks/train/x.png" helps nobody who has downloaded Cityscapes
    WRITERS[name](place)
    pair = open_layout(place).pairs("train")[0]
    assert pair.mask is not None
    pair.mask.unlink()
    (finding,) = check(place).errors
    assert finding.code == "missing_pair"
    assert finding.fix == open_layout(place).fixes["missing_pair"]
    with pytest.raises(InvalidDataset, match="have no mask, the first is"):
        FolderDataset(place, "train")


@pytest.mark.parametrize(
    ("name", "value"), [("ade20k", 151), ("camvid", 12), ("cityscapes", 34), ("pascal_context59", 60), ("voc", 21)]
)
def test_a_value_that_stands_for_nothing_is_refused(name: str, value: int, place: Path) -> None:
    # another version of the masks; taken as it is, it would be another class or silently void
    WRITERS[name](place)
    pair = open_layout(place).pairs("train")[0]
    assert pair.mask is not None
    save_grey(pair.mask, np.full((24, 32), value, np.uint8))
    (finding,) = [each for each in check(place).errors if each.code == "id_unmapped"]
    assert f"found {value}" in finding.message
    with pytest.raises(InvalidDataset, match=f"holds {value}, which no class has"):
        FolderDataset(place, "train")[0]


def test_masks_of_colours_that_were_spoilt_are_told_from_unknown_ones(place: Path) -> None:
    # a mask that was saved as JPEG has hundreds of colours near the right ones; listing five of them explains nothing
    WRITERS["cvat"](place)
    mask = place / "SegmentationClass" / "frame_2.png"
    Image.open(mask).convert("RGB").resize((320, 240), Image.Resampling.BICUBIC).resize((32, 24)).save(mask)
    assert "mask_lossy_colours" in [each.code for each in check(place).errors]


def test_colours_where_ids_belong_are_refused(place: Path) -> None:
    # ADE20K's full release has colour masks that code objects and parts
    WRITERS["ade20k"](place)
    pair = open_layout(place).pairs("train")[0]
    assert pair.mask is not None
    Image.open(pair.mask).convert("RGB").save(pair.mask)
    assert [each.code for each in check(place).errors] == ["mask_rgb_not_index"]


@every_layout
def test_the_fingerprint_follows_images_masks_and_definitions(name: str, place: Path) -> None:
    # two datasets that train differently must not share a name
    WRITERS[name](place)
    first = fingerprint(place)
    shutil.copytree(place, place.with_name("copy"))
    assert fingerprint(place.with_name("copy")) == first
    layout = open_layout(place)
    for path in [layout.pairs("train")[0].image, *layout.definitions()]:
        before = fingerprint(place)
        path.write_bytes(path.read_bytes() + b"\n")
        assert fingerprint(place) != before


# Each for itself


def test_cityscapes_test_is_left_out_and_said_so(place: Path) -> None:
    # its masks are void from edge to edge: a score on them would be a score on nothing
    WRITERS["cityscapes"](place)
    report = check(place)
    assert report.evaluation_split == "val"
    assert names(report) == ["withheld_test"]
    assert FolderDataset(place, "test").split == "val"


def test_cityscapes_extra_images_are_for_a_teachers_labels(place: Path) -> None:
    # twenty thousand street scenes without fine masks
    WRITERS["cityscapes"](place)
    assert check(place).unlabelled == 1
    assert len(FolderDataset(place, "train")) == 3
    assert FolderDataset(place, "train", unlabelled="keep").names[-1] == "mainz/mainz_000000_000019"


def test_voc_leaves_out_what_no_list_names_and_names_what_is_not_there(place: Path) -> None:
    # VOC's folder of images holds those of every other task
    WRITERS["voc"](place)
    assert "2007_999999" not in FolderDataset(place, "train").names
    (place / "JPEGImages" / "2007_000032.jpg").unlink()
    (finding,) = check(place).errors
    assert (finding.code, finding.samples) == ("missing_pair", ("JPEGImages/2007_000032.jpg",))
    assert "ImageSets" in finding.fix


@pytest.mark.parametrize("listed", ["../secret", "/etc/hosts", "a/../../secret"])
def test_a_list_cannot_lead_out_of_the_dataset(listed: str, place: Path) -> None:
    # a name in a list becomes a path that is opened
    WRITERS["voc"](place)
    (place / "ImageSets/Segmentation/train.txt").write_text(f"{listed}\n")
    assert [each.code for each in check(place).errors] == ["bad_layout"]
    with pytest.raises(InvalidDataset, match="expected names of images"):
        FolderDataset(place, "train")


def test_the_colours_of_voc_are_the_published_ones() -> None:
    # CVAT and others deal colours by the same rule
    colours = voc_colours(256)
    assert colours[1:4] == [(128, 0, 0), (0, 128, 0), (128, 128, 0)]
    assert (colours[20], colours[255]) == ((0, 64, 128), (224, 224, 192))


def test_cvat_void_is_no_class_and_background_is_one(place: Path) -> None:
    # the two are easily confused, and the difference is a third of the pixels
    WRITERS["cvat"](place)
    report = check(place)
    assert [each.name for each in report.classes] == ["background", "leaf", "stem"]
    assert names(report) == ["background_class"]
    assert report.splits[1].source.startswith("a tenth of train")
    assert len(CVAT_LABELS) == 4


def test_cvat_with_lists_of_its_own_uses_them(place: Path) -> None:
    # subsets of a CVAT project are called what their owner calls them; train and val are understood
    WRITERS["cvat"](place)
    lists = place / "ImageSets" / "Segmentation"
    (lists / "default.txt").unlink()
    (lists / "train.txt").write_text("frame one\nframe_2\n")
    (lists / "val.txt").write_text("frame_3\n")
    assert FolderDataset(place, "train").names == ("frame one", "frame_2")
    assert FolderDataset(place, "val").names == ("frame_3",)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "leaf",
        "leaf:1,2",
        "leaf:1,2,256::",
        ":1,2,3::",
        "leaf:1,2,3::\nleaf:4,5,6::",
        "a:1,2,3::\nb:1,2,3::",
        "\xff",
    ],
)
def test_a_bad_label_map_is_one_finding(text: str, place: Path) -> None:
    # it is written by hand where labels were renamed
    WRITERS["cvat"](place)
    (place / "labelmap.txt").write_bytes(text.encode("latin-1"))
    report = check(place)
    assert [(each.code, each.samples) for each in report.errors] == [("bad_classes_json", ("labelmap.txt",))]


def test_the_original_camvid_is_read_by_colour_and_split_by_video(place: Path) -> None:
    # 32 colours become the 11 classes that papers report, in the split that they report on
    written = write_original_camvid(place)
    assert check(place).ok
    for split, expected in written.items():
        same_labels(FolderDataset(place, split), expected)  # type: ignore[arg-type]
    assert GROUPS.count(",") + len(GROUPS.strip().splitlines()) == 32


def test_the_canonical_layout_comes_first(root: Path, place: Path) -> None:
    # a folder that is both is what its owner has written a classes.json for
    write_camvid(root)
    assert open_layout(root).name == "folder"
    assert open_layout(root, "camvid").name == "camvid"


def test_an_archives_own_folder_is_looked_through(root: Path, tmp_path: Path) -> None:
    # unpacking street.zip gives street/street/images; hidden and foreign folders beside it do not count
    outer = tmp_path / "unpacked"
    (outer / "__MACOSX").mkdir(parents=True)
    shutil.move(root, outer / "streets")
    assert len(FolderDataset(outer, "train")) == 4
    assert fingerprint(outer) == fingerprint(outer / "streets")
