"""`bpkd evaluate` and `bpkd compare`: what they print, what they write, and what they refuse."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import onnx
import pytest
from bpkd_command import Bpkd
from fakes.networks import threshold_onnx
from onnx import TensorProto, helper
from PIL import Image

CLASSES = [{"id": 0, "name": "dark", "color": [10, 20, 30]}, {"id": 1, "name": "<b>bright", "color": [200, 100, 50]}]
IMAGES = 3


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    """Three images 32x32 of val, bright on the right, where one corner of 8x8 is wrong in truth."""
    root = tmp_path / "light"
    labels = np.repeat([[0, 1]], 16, axis=1).repeat(32, axis=0).astype(np.uint8)
    pixels = np.repeat(labels[..., None] * np.uint8(240), 3, axis=2)
    labels[:8, 24:] = 0
    for folder in (
        root / "images" / "val",
        root / "masks" / "val",
        root / "images" / "train",
        root / "masks" / "train",
    ):
        folder.mkdir(parents=True)
        for number in range(IMAGES):
            array = labels if folder.parent.name == "masks" else pixels + np.uint8(number)
            Image.fromarray(array).save(folder / f"{number}.png")
    (root / "classes.json").write_text(json.dumps(CLASSES))
    return root


@pytest.fixture
def student(tmp_path: Path) -> Path:
    """A file of ours that knows the dataset's classes."""
    model = onnx.load_from_string(threshold_onnx())
    helper.set_model_props(
        model, {"bpkd.contract": "1", "classes": json.dumps(CLASSES), "ignore_index": "255", "stride": "1"}
    )
    (tmp_path / "student.onnx").write_bytes(model.SerializeToString())
    return tmp_path / "student.onnx"


def foreign(path: Path, *, ids: bool = False, planes: int = 2) -> Path:
    """A stranger's file: float NCHW in, scores of so many classes out (-red, red, -red ...), or their argmax."""
    weights = np.array([[(-1.0) ** (index + 1), 0, 0] for index in range(planes)], np.float32)[..., None, None]
    nodes = [helper.make_node("Conv", ["x", "weights"], ["scores"])]
    out = helper.make_tensor_value_info("scores", TensorProto.FLOAT, [None] * 4)
    if ids:
        nodes.append(helper.make_node("ArgMax", ["scores"], ["ids"], axis=1, keepdims=0))
        out = helper.make_tensor_value_info("ids", TensorProto.INT64, [None] * 3)
    image = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 3, "h", "w"])
    constants = [helper.make_tensor("weights", TensorProto.FLOAT, weights.shape, weights.ravel())]
    graph = helper.make_graph(nodes, "foreign", [image], [out], constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    path.write_bytes(model.SerializeToString())
    return path


RIGHT = 1 - 64 / 1024


def scoring(path: Path) -> Path:
    """A file of ours that has logits inside and gives the mask alone."""
    image = helper.make_tensor_value_info("image", TensorProto.UINT8, ["n", "h", "w", 3])
    mask = helper.make_tensor_value_info("mask", TensorProto.UINT8, ["n", "h", "w"])
    weights = np.array([[-1, 0, 0], [1, 0, 0]], np.float32)[..., None, None]
    nodes = [
        helper.make_node("Cast", ["image"], ["pixels"], to=TensorProto.FLOAT),
        helper.make_node("Transpose", ["pixels"], ["planes"], perm=[0, 3, 1, 2]),
        helper.make_node("Conv", ["planes", "weights", "bias"], ["logits"]),
        helper.make_node("ArgMax", ["logits"], ["ids"], axis=1, keepdims=0),
        helper.make_node("Cast", ["ids"], ["mask"], to=TensorProto.UINT8),
    ]
    constants = [
        helper.make_tensor("weights", TensorProto.FLOAT, weights.shape, weights.ravel()),
        helper.make_tensor("bias", TensorProto.FLOAT, [2], [128.0, -128.0]),
    ]
    graph = helper.make_graph(nodes, "ours", [image], [mask], constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    props = {"bpkd.contract": "1", "classes": json.dumps(CLASSES), "ignore_index": "255", "stride": "1"}
    helper.set_model_props(model, props)
    path.write_bytes(model.SerializeToString())
    return path


def test_evaluate_reports_every_measure_with_its_interval(bpkd: Bpkd, dataset: Path, student: Path) -> None:
    # all images are alike, so the intervals are points
    report = bpkd("evaluate", student, dataset, "--json").json
    (judged,) = report["models"].values()
    assert (report["split"], report["reference"], report["dataset"]) == ("val", "labels", "light")
    assert judged["scores"]["pixel_accuracy"] == {"value": RIGHT, "low": RIGHT, "high": RIGHT, "reason": None}
    assert [each["value"] for each in judged["class_iou"]] == pytest.approx([512 / 576, 448 / 512])
    assert [each["name"] for each in judged["images"]] == ["0", "1", "2"]
    drawn = bpkd("evaluate", student, dataset)
    assert "93.8 % (93.8 to 93.8)" in drawn.out
    assert "boundary IoU" in drawn.out


@pytest.mark.parametrize("ids", [False, True])
def test_a_strangers_file_gets_the_same_numbers_and_says_how_it_was_read(
    bpkd: Bpkd, dataset: Path, tmp_path: Path, ids: bool
) -> None:
    # float in, scores or class ids out, no metadata at all; with pixels from 0 to 1 all would be class 1
    answer = bpkd("evaluate", foreign(tmp_path / "theirs.onnx", ids=ids), dataset, "--json")
    (judged,) = answer.json["models"].values()
    assert judged["scores"]["pixel_accuracy"]["value"] == RIGHT
    assert "It is read as RGB, ImageNet's mean and deviation." in answer.err
    assert answer.json["notes"][0] in answer.err


@pytest.mark.parametrize("ids", [False, True])
def test_a_class_map_puts_other_classes_into_ours(bpkd: Bpkd, dataset: Path, tmp_path: Path, ids: bool) -> None:
    # a Cityscapes model on CamVid: more classes, other order
    theirs, path = foreign(tmp_path / "theirs.onnx", ids=ids, planes=3), tmp_path / "map.json"
    path.write_text('{"0": "dark", "1": "<b>bright", "2": "dark"}')
    answer = bpkd("evaluate", theirs, dataset, "--class-map", path, "--json")
    (judged,) = answer.json["models"].values()
    assert judged["scores"]["pixel_accuracy"]["value"] == RIGHT


@pytest.mark.parametrize("whose", ["ours", "theirs"])
def test_windows_slide_over_images(bpkd: Bpkd, dataset: Path, tmp_path: Path, whose: str) -> None:
    # a network that was trained on crops is judged on crops; each pixel is judged by itself here, so nothing changes
    path = (scoring if whose == "ours" else foreign)(tmp_path / "model.onnx")
    answer = bpkd("evaluate", path, dataset, "--window", 32, 32, "--stride", 16, 16, "--json")
    (judged,) = answer.json["models"].values()
    assert judged["scores"]["pixel_accuracy"]["value"] == RIGHT
    refused = bpkd("evaluate", path, dataset, "--window", 32, 32)
    assert refused.code == 1
    assert "mode slide needs window and stride" in refused.err


def test_a_folder_of_masks_is_judged_by_itself(bpkd: Bpkd, dataset: Path) -> None:
    # another framework's predictions; the truth itself scores 1
    report = bpkd("evaluate", dataset / "masks" / "val", dataset, "--json").json
    assert report["models"]["val"]["scores"]["miou"]["value"] == 1


@pytest.mark.parametrize("teacher", ["ours", "theirs"])
def test_against_a_teacher_where_nobody_has_labelled(
    bpkd: Bpkd, dataset: Path, student: Path, tmp_path: Path, teacher: str
) -> None:
    # agreement, in the numbers' names too; no mask is read, and none need be there
    shutil.rmtree(dataset / "masks")
    reference = student if teacher == "ours" else foreign(tmp_path / "theirs.onnx")
    answer = bpkd("evaluate", student, dataset, "--against", reference, "--json").json
    assert (answer["reference"], answer["models"]["student"]["scores"]["miou"]["value"]) == ("teacher", 1)
    drawn = bpkd("evaluate", student, dataset, "--against", reference, "--out", "report.html").out
    assert "pixel agreement" in drawn
    assert "accuracy" not in drawn
    assert "not with labels" in (tmp_path / "report.html").read_text()


def test_the_page_is_one_file_with_names_as_data(bpkd: Bpkd, dataset: Path, student: Path, tmp_path: Path) -> None:
    # a class is called <b>bright; a page that is mailed must not fetch or run anything
    assert bpkd("evaluate", student, dataset, "--out", tmp_path / "deep" / "report.html").code == 0
    page = (tmp_path / "deep" / "report.html").read_text()
    assert "&lt;b&gt;bright" in page
    assert "<b>bright" not in page
    assert "<script" not in page
    assert "http" not in page.replace("http://www.w3.org", "")


def test_compare_reads_what_evaluate_printed(bpkd: Bpkd, dataset: Path, student: Path, tmp_path: Path) -> None:
    # differences are from the first; equal runs differ by exactly nothing
    for name, judged in (("truth", dataset / "masks" / "val"), ("ours-seed0", student), ("ours-seed1", student)):
        (tmp_path / f"{name}.json").write_text(bpkd("evaluate", judged, dataset, "--json").out)
    files = [tmp_path / f"{name}.json" for name in ("truth", "ours-seed0", "ours-seed1")]
    answer = bpkd("compare", *files, "--json", "--out", tmp_path / "compare.html").json
    assert [run["name"] for run in answer["runs"]] == ["truth", "ours-seed0", "ours-seed1"]
    lost = (512 / 576 + 448 / 512) / 2 - 1
    assert answer["runs"][1]["difference"]["miou"]["value"] == pytest.approx(lost)
    assert [(group["name"], group["runs"]) for group in answer["groups"]] == [
        ("truth", ["truth"]),
        ("ours", ["ours-seed0", "ours-seed1"]),
    ]
    assert "3 runs compared" in (tmp_path / "compare.html").read_text()
    drawn = bpkd("compare", *files).out
    assert "Over seeds" in drawn
    assert "88.2 % ± 0.0" in drawn


def test_what_cannot_be_judged_is_said_in_a_sentence(bpkd: Bpkd, dataset: Path, student: Path, tmp_path: Path) -> None:
    # each is a person's ordinary mistake, and none may end in a traceback or in numbers
    (tmp_path / "map.json").write_text('["dark"]')
    masks = tmp_path / "masks"
    masks.mkdir()
    void, empty = tmp_path / "void", tmp_path / "empty"
    for root in (void, empty):
        for kind in ("images", "masks"):
            (root / kind / "val").mkdir(parents=True)
        (root / "classes.json").write_text(json.dumps(CLASSES))
    Image.fromarray(np.zeros((4, 4, 3), np.uint8)).save(void / "images" / "val" / "a.png")
    Image.fromarray(np.full((4, 4), 255, np.uint8)).save(void / "masks" / "val" / "a.png")
    theirs = foreign(tmp_path / "theirs.onnx", planes=3)
    refused = {
        ("evaluate", masks, dataset): f"3 of 3 images have no mask in {masks}, the first is 0",
        ("evaluate", student, empty): "The split val has no image",
        ("evaluate", student, void): "No pixel of the 1 images has a label",
        ("evaluate", theirs, dataset): "The file scores 3 classes and the dataset has 2",
        ("evaluate", theirs, dataset, "--class-map", tmp_path / "map.json"): "map.json is no class map",
        ("compare", tmp_path / "map.json"): "map.json is no quality report",
        ("compare", masks): "quality.json cannot be read",
        ("compare", student, student): "A report is named twice",
    }
    for arguments, sentence in refused.items():
        answer = bpkd(*arguments)
        assert answer.code == 1
        assert sentence in answer.err
        assert "Traceback" not in answer.err


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        (np.zeros((32, 30), np.uint8), r"1: the predicted mask is (32, 30) and the true mask (32, 32)"),
        (np.full((32, 32), 7, np.uint8), "1: the predicted mask holds id 7 at 1024 pixels, expected 0...1"),
    ],
)
def test_a_mask_that_does_not_fit_is_named(
    bpkd: Bpkd, dataset: Path, tmp_path: Path, values: np.ndarray, sentence: str
) -> None:
    # among ten thousand files a person must know which
    masks = tmp_path / "masks"
    masks.mkdir()
    for number in range(IMAGES):
        Image.fromarray(values if number == 1 else np.zeros((32, 32), np.uint8)).save(masks / f"{number}.png")
    answer = bpkd("evaluate", masks, dataset)
    assert (answer.code, sentence in answer.err) == (1, True)
