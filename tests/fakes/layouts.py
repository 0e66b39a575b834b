"""A few drawn pictures in each layout that is read, with the labels that must come out of them.

Each writer draws class ids, encodes them as the layout does, and returns `name -> labels_HW` by split, in class ids of
the layout with 255 for no label.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

HEIGHT, WIDTH = 24, 32
VOID = 255
Labels = NDArray[np.uint8]
Written = dict[str, dict[str, Labels]]
Colour = tuple[int, int, int]


def draw(seed: int, num_classes: int) -> Labels:
    """Blocks of every class in turn, and a border of void."""
    rng = np.random.default_rng(seed)
    blocks = rng.integers(0, num_classes, (HEIGHT // 4, WIDTH // 4)).astype(np.uint8)
    blocks.ravel()[:num_classes] = np.arange(min(num_classes, blocks.size)) % num_classes
    labels = np.kron(blocks, np.ones((4, 4), np.uint8))
    labels[-2:] = VOID
    return labels


def save_image(path: Path, labels_HW: Labels) -> None:
    """A picture whose grey follows the labels; a JPEG where the name says so."""
    path.parent.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(int(labels_HW.sum())).integers(0, 40, (HEIGHT, WIDTH, 3))
    Image.fromarray(((labels_HW[..., None] % 6) * 36 + noise).astype(np.uint8)).save(path)


def save_grey(path: Path, values_HW: Labels) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(values_HW).save(path)


def save_colours(path: Path, labels_HW: Labels, colours: Sequence[Colour], void: Colour) -> None:
    """An RGB mask."""
    path.parent.mkdir(parents=True, exist_ok=True)
    table = np.zeros((256, 3), np.uint8)
    table[: len(colours)] = colours
    table[VOID] = void
    Image.fromarray(table[labels_HW]).save(path)


def save_palette(path: Path, labels_HW: Labels, colours: Sequence[Colour]) -> None:
    """A palette mask, as VOC's are."""
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.fromarray(labels_HW).convert("P")
    image.putdata(labels_HW.ravel().tolist())
    palette = [0] * 768
    for index, colour in enumerate(colours):
        palette[3 * index : 3 * index + 3] = colour
    palette[765:] = (224, 224, 192)
    image.putpalette(palette)
    image.save(path)


def write_cityscapes(root: Path) -> Written:
    """Two towns; label ids in train and train ids in val; a test split whose labels are withheld."""
    ids = np.array([7, 8, 11, 12, 13, 17, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 31, 32, 33], np.uint8)
    to_label_ids = np.full(256, 4, np.uint8)  # static: void
    to_label_ids[: len(ids)] = ids
    written: Written = {"train": {}, "val": {}}
    for seed, (split, town) in enumerate([("train", "ulm"), ("train", "jena"), ("train", "bonn"), ("val", "lindau")]):
        name = f"{town}/{town}_000000_000019"
        labels = written[split][name] = draw(seed, len(ids))
        save_image(root / "leftImg8bit" / split / f"{name}_leftImg8bit.png", labels)
        if split == "train":
            save_grey(root / "gtFine" / split / f"{name}_gtFine_labelIds.png", to_label_ids[labels])
            save_grey(root / "gtFine" / split / f"{name}_gtFine_instanceIds.png", labels)
        else:
            save_grey(root / "gtFine" / split / f"{name}_gtFine_labelTrainIds.png", labels)
    save_image(root / "leftImg8bit/test/berlin/berlin_000000_000019_leftImg8bit.png", labels)
    save_image(root / "leftImg8bit/train_extra/mainz/mainz_000000_000019_leftImg8bit.png", labels)
    return written


def write_ade20k(root: Path) -> Written:
    """As unpacked: one folder around it."""
    return _write_shifted(root / "ADEChallengeData2016", 150)


def _write_shifted(home: Path, num_classes: int) -> Written:
    written: Written = {"train": {}, "val": {}}
    folders = {"train": "training", "val": "validation"}
    for seed, (split, name) in enumerate([("train", "ADE_train_1"), ("train", "ADE_train_2"), ("val", "ADE_val_1")]):
        labels = written[split][name] = draw(seed, num_classes)
        save_image(home / "images" / folders[split] / f"{name}.jpg", labels)
        save_grey(home / "annotations" / folders[split] / f"{name}.png", labels + np.uint8(1))  # 255 + 1 = 0
    return written


def write_pascal_context59(root: Path) -> Written:
    """In VOC's folders, two levels down."""
    home = root / "VOCdevkit" / "VOC2010"
    written: Written = {"train": {}, "val": {}}
    for seed, (split, name) in enumerate([("train", "2008_000002"), ("train", "2008_000003"), ("val", "2008_000007")]):
        labels = written[split][name] = draw(seed, 59)
        save_image(home / "JPEGImages" / f"{name}.jpg", labels)
        save_grey(home / "SegmentationClassContext" / f"{name}.png", labels + np.uint8(1))
    _write_lists(home / "ImageSets" / "SegmentationContext", written)
    return written


def write_voc(root: Path) -> Written:
    """Palette masks, one of them saved as RGB, and an image that no list names."""
    from bpkd_core.data.layouts.voc import COLOURS

    written: Written = {"train": {}, "val": {}}
    for seed, (split, name) in enumerate([("train", "2007_000032"), ("train", "2007_000039"), ("val", "2007_000033")]):
        labels = written[split][name] = draw(seed, 21)
        save_image(root / "JPEGImages" / f"{name}.jpg", labels)
        if split == "val":
            save_colours(root / "SegmentationClass" / f"{name}.png", labels, COLOURS, (224, 224, 192))
        else:
            save_palette(root / "SegmentationClass" / f"{name}.png", labels, COLOURS)
    save_image(root / "JPEGImages" / "2007_999999.jpg", labels)
    _write_lists(root / "ImageSets" / "Segmentation", written)
    return written


CVAT_LABELS = (("background", (0, 0, 0)), ("leaf", (51, 221, 255)), ("void", (250, 50, 83)), ("stem", (61, 61, 245)))
CVAT_COLOURS = [colour for name, colour in CVAT_LABELS if name != "void"]


def write_cvat(root: Path) -> Written:
    """Everything in default.txt; colour masks, and one of label numbers."""
    lines = ["# label:color_rgb:parts:actions", *(f"{name}:{r},{g},{b}::" for name, (r, g, b) in CVAT_LABELS)]
    root.mkdir(parents=True, exist_ok=True)
    (root / "labelmap.txt").write_text("\n".join(lines) + "\n")
    written: Written = {"default": {}}
    for seed, name in enumerate(["frame one", "frame_2", "frame_3"]):
        labels = written["default"][name] = draw(seed, len(CVAT_COLOURS))
        save_image(root / "JPEGImages" / f"{name}.jpg", labels)
        mask = root / "SegmentationClass" / f"{name}.png"
        if seed == 2:
            numbers = np.array([0, 1, 3], np.uint8)
            save_grey(mask, np.where(labels == VOID, 2, numbers[labels % 3]).astype(np.uint8))
        else:
            save_colours(mask, labels, CVAT_COLOURS, (250, 50, 83))
    _write_lists(root / "ImageSets" / "Segmentation", written)
    return written


def write_camvid(root: Path) -> Written:
    """SegNet's form: 11 is no label."""
    written: Written = {"train": {}, "val": {}, "test": {}}
    for seed, (split, name) in enumerate(
        [("train", "0006R0_f00930"), ("train", "0006R0_f00960"), ("val", "0016E5_07959"), ("test", "Seq05VD_f00000")]
    ):
        labels = written[split][name] = draw(seed, 11)
        save_image(root / split / f"{name}.png", labels)
        save_grey(root / f"{split}annot" / f"{name}.png", np.where(labels == VOID, 11, labels).astype(np.uint8))
    return written


# one of the 32 colours for each of the 11 classes, not always the class's own
CAMVID_COLOURS = [
    (128, 128, 128), (64, 192, 0), (192, 192, 128), (128, 0, 192), (0, 0, 192), (192, 192, 0), (0, 64, 64),
    (64, 64, 128), (64, 128, 192), (192, 128, 64), (192, 0, 192),
]  # fmt: skip


def write_original_camvid(root: Path) -> Written:
    """Colours of the 32 labels; the split is in the names."""
    written: Written = {"train": {}, "val": {}, "test": {}}
    frames = {
        "train": ("0001TP_006690", "0006R0_f00930", "0016E5_07920"),
        "val": ("0016E5_07959", "0016E5_08159"),
        "test": ("0001TP_008550", "Seq05VD_f05100"),
    }
    for split, names in frames.items():
        for name in names:
            labels = written[split][name] = draw(len(name) + len(written[split]), 11)
            save_image(root / "701_StillsRaw_full" / f"{name}.png", labels)
            save_colours(root / "LabeledApproved_full" / f"{name}_L.png", labels, CAMVID_COLOURS, (0, 0, 0))
    return written


def _write_lists(folder: Path, written: Mapping[str, Mapping[str, Labels]]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for split, names in written.items():
        (folder / f"{split}.txt").write_text("".join(f"{name}\n" for name in names))


WRITERS: Mapping[str, Callable[[Path], Written]] = {
    "ade20k": write_ade20k,
    "camvid": write_camvid,
    "cityscapes": write_cityscapes,
    "cvat": write_cvat,
    "pascal_context59": write_pascal_context59,
    "voc": write_voc,
}
