"""Where masks come from: our file, anybody's, a folder of PNGs. What each says is known in advance."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from fakes.colours import Blocks, colour_teacher
from fakes.networks import threshold_onnx
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

from bpkd_core.data import IGNORE_INDEX
from bpkd_core.errors import InvalidInput, InvalidModel
from bpkd_core.evaluation import evaluate
from bpkd_core.predictions import open_predictions, read_class_map
from bpkd_core.spec import Evaluation
from bpkd_core.spec.foreign import Pixels

DATA = Blocks(2)
BGR_BYTES = Pixels(color="bgr", scale=1, mean=(0, 0, 0), std=(1, 1, 1))


def accuracy(source: Path, classes: dict[int, int | str] | None = None) -> float:
    return evaluate(open_predictions(source, DATA, classes).predict, DATA).pixel_accuracy


def test_a_file_of_ours_is_run_as_it_says(tmp_path: Path) -> None:
    """It needs no guess and none is made; other classes than the dataset's are refused by name."""
    (tmp_path / "ours.onnx").write_bytes(threshold_onnx())
    with pytest.raises(InvalidInput, match="The model's classes are dark, bright; the dataset's are road, sky"):
        open_predictions(tmp_path / "ours.onnx", DATA)


NHWC = {"pixels": Pixels(layout="nhwc"), "out_layout": "nhwc"}
READINGS: list[tuple[str, dict[str, Any]]] = [
    ("logits", {}),
    ("probabilities", {"pixels": BGR_BYTES}),
    ("ids", {}),
    ("ids", {"pixels": BGR_BYTES}),
    ("ids", NHWC),
    ("ids", {"size": (1, 128, 192)}),
    ("ids", {"dtype": onnx.TensorProto.UINT8}),
]


@pytest.mark.parametrize(("kind", "options"), READINGS)
def test_a_strangers_file_is_read_as_fits_the_labels(tmp_path: Path, kind: Any, options: dict[str, Any]) -> None:
    """Whatever its layout, channel order, scale and size, scores or ids: no reading but the right one is near 1."""
    assert accuracy(colour_teacher(tmp_path / "theirs.onnx", kind=kind, stride=1, **options)) > 0.98


@pytest.mark.parametrize("kind", ["logits", "ids"])
def test_how_a_strangers_file_is_read_is_said(tmp_path: Path, kind: Any) -> None:
    """A number must not hang on a guess that nobody saw."""
    path = colour_teacher(tmp_path / "theirs.onnx", kind=kind, pixels=BGR_BYTES)
    assert open_predictions(path, DATA).notes[0] == "It is read as BGR, pixels from 0 to 255."


@pytest.mark.parametrize("kind", ["logits", "ids"])
def test_a_class_map_puts_other_classes_into_ours(tmp_path: Path, kind: Any) -> None:
    """By name or id, in any order."""
    path = colour_teacher(tmp_path / "theirs.onnx", kind=kind, known=(2, 0, 1, 4, 3), stride=1)
    assert accuracy(path, {0: "tree", 1: "road", 2: "sky", 3: 4, 4: 3}) > 0.98


def test_an_id_that_is_none_of_ours_is_refused(tmp_path: Path) -> None:
    """A mask cannot fall back to the second best, as scores can."""
    path = colour_teacher(tmp_path / "theirs.onnx", kind="ids")
    with pytest.raises(InvalidModel, match=r"The file says class [34], which is none of the dataset's"):
        accuracy(path, {0: "road", 1: "sky", 2: "tree"})


def test_a_file_of_other_classes_needs_a_map(tmp_path: Path) -> None:
    """Refused with both numbers, and with the map that the labels suggest."""
    path = colour_teacher(tmp_path / "theirs.onnx", known=(0, 1, 2))
    with pytest.raises(InvalidModel, match="The file scores 3 classes and the dataset has 5") as caught:
        open_predictions(path, DATA)
    assert str(caught.value.hint).startswith('By the labels it would be {"0": ')


def test_masks_in_a_folder_are_found_by_the_names_of_their_images(tmp_path: Path) -> None:
    """Names may hold folders, as in the dataset; what is said at void does not matter."""
    data = Blocks(2)
    data.names = ["left", "street/right"]
    for name, sample in zip(data.names, data.samples, strict=True):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        Image.fromarray(np.where(sample.labels_HW == IGNORE_INDEX, 0, sample.labels_HW)).save(tmp_path / f"{name}.png")
    assert evaluate(open_predictions(tmp_path, data).predict, data).miou == 1
    (tmp_path / "street" / "right.png").unlink()
    with pytest.raises(InvalidInput, match=r"1 of 2 images have no mask in .*, the first is street/right; add"):
        open_predictions(tmp_path, data)


def test_a_class_map_is_read_from_json(tmp_path: Path) -> None:
    """By id or by name."""
    (tmp_path / "map.json").write_text('{"0": "road", "7": 3}')
    assert read_class_map(tmp_path / "map.json") == {0: "road", 7: 3}


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"road": 1}', '{"0": null}', "\xff"])
def test_what_is_no_class_map_is_refused_with_an_example(tmp_path: Path, text: str) -> None:
    """Its shape is nothing that a person can guess."""
    (tmp_path / "map.json").write_text(text, "latin-1")
    with pytest.raises(InvalidInput, match=r'map.json is no class map; expected JSON such as \{"0": "road"'):
        read_class_map(tmp_path / "map.json")


@pytest.mark.parametrize("kind", ["ours", "ids"])
def test_a_file_is_first_opened_where_it_can_do_no_harm(tmp_path: Path, kind: str) -> None:
    """A mark of ours in a stranger's file, or integers as its answer, are no reason to trust it."""
    image = helper.make_tensor_value_info("image", TensorProto.UINT8, ["n", "h", "w", 3])
    said = helper.make_tensor_value_info("mask", TensorProto.UINT8, None)
    shape = numpy_helper.from_array(np.array([1, 50_000, 2_000_000]), "shape")
    zero = helper.make_tensor("zero", TensorProto.UINT8, [1], [0])
    node = helper.make_node("ConstantOfShape", ["shape"], ["mask"], value=zero)
    model = helper.make_model(
        helper.make_graph([node], "hostile", [image], [said], [shape]),
        opset_imports=[helper.make_opsetid("", 17)],
        ir_version=8,
    )
    if kind == "ours":
        helper.set_model_props(model, {"bpkd.contract": "1"})
    (tmp_path / "theirs.onnx").write_bytes(model.SerializeToString())
    with pytest.raises(InvalidModel, match="it asks for more memory than there is"):
        open_predictions(tmp_path / "theirs.onnx", DATA)


SLIDE = Evaluation(mode="slide", window=(64, 64), stride=(48, 48))


def test_windows_slide_over_a_strangers_scores(tmp_path: Path) -> None:
    """A network that has only seen crops is judged on crops; colours are told apart in any window."""
    path = colour_teacher(tmp_path / "theirs.onnx", kind="logits", stride=1)
    assert evaluate(open_predictions(path, DATA, windows=SLIDE).predict, DATA).pixel_accuracy > 0.98


@pytest.mark.parametrize("kind", ["ids", "folder"])
def test_windows_over_masks_are_refused(tmp_path: Path, kind: Any) -> None:
    """Two masks have no mean, and the last window's would win."""
    source = tmp_path if kind == "folder" else colour_teacher(tmp_path / "theirs.onnx", kind=kind)
    with pytest.raises(InvalidInput, match="gives class ids, which cannot be averaged where windows overlap"):
        open_predictions(source, DATA, windows=SLIDE)
