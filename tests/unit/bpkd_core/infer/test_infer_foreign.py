"""Strangers' ONNX files: networks of one layer whose answer is known, in every layout that is read."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from bpkd_core.errors import InvalidInput, InvalidModel
from bpkd_core.infer.foreign import MEAN_STD, ForeignSession, Recipe

FLOAT, HALF, UINT8, INT64 = TensorProto.FLOAT, TensorProto.FLOAT16, TensorProto.UINT8, TensorProto.INT64
SHOULD_BE = np.repeat([[0, 0, 1, 1, 2, 2]], 4, axis=0)  # class c is where channel c is bright
IMAGE = np.where(np.eye(3, dtype=bool)[SHOULD_BE], 250, 5).astype(np.uint8)


def model(nodes, given, *, kind=FLOAT, gives=FLOAT, shape=("n", 3, "h", "w"), rank=4, constants=()):
    """An ONNX file from `image` to `out`."""
    graph = helper.make_graph(
        [helper.make_node(op, inputs, outputs, **attributes) for op, inputs, outputs, attributes in nodes],
        "foreign",
        [helper.make_tensor_value_info(name, kind, shape) for name in given],
        [helper.make_tensor_value_info("out", gives, [None] * rank)],
        list(constants),
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(made)
    return made.SerializeToString()


def scores(**options):
    """The channels themselves as the scores of three classes."""
    return model([("Identity", ["image"], ["out"], {})], ["image"], **options)


def predict(data, image=IMAGE, num_classes=3, **recipe):
    return ForeignSession(data, num_classes=num_classes, recipe=Recipe(**recipe)).predict(image)


@pytest.mark.parametrize("normalisation", MEAN_STD)
def test_the_class_with_the_highest_score_wins(normalisation):
    """Whatever the scale of the pixels; the answer is uint8 at the image's size."""
    mask = predict(scores(), normalisation=normalisation)
    assert mask.dtype == np.uint8
    assert mask.tolist() == SHOULD_BE.tolist()


def test_pixels_are_normalised_as_asked():
    """The commonest way to lose a good model's numbers. Ids are the pixels here, so they can be read."""
    cast = [("Gather", ["image", "first"], ["red"], {"axis": 1}), ("Cast", ["red"], ["out"], {"to": INT64})]
    first = helper.make_tensor("first", INT64, [], [0])
    data = model(cast, ["image"], gives=INT64, rank=3, constants=[first])
    image = np.full((2, 2, 3), (240, 10, 10), np.uint8)
    seen = {name: int(predict(data, image, num_classes=255, normalisation=name)[0, 0]) for name in MEAN_STD}
    assert seen == {"imagenet": 1, "unit": 0, "symmetric": 0, "bytes": 240}


def test_channels_may_be_expected_the_other_way_round():
    """BGR networks of OpenCV days: red then arrives last."""
    assert predict(scores(), channels="bgr").tolist() == (2 - SHOULD_BE).tolist()


@pytest.mark.parametrize("kind", [FLOAT, HALF, TensorProto.DOUBLE])
def test_channels_last_and_other_float_types_are_read_off_the_file(kind):
    """TensorFlow exports; scores then have their classes last, too."""
    data = scores(shape=("n", "h", "w", 3), kind=kind, gives=kind)
    assert predict(data).tolist() == SHOULD_BE.tolist()


def test_a_uint8_image_is_handed_over_as_it_is():
    """Normalisation inside the file must not be done twice."""
    cast = [("Cast", ["image"], ["out"], {"to": FLOAT})]
    assert predict(model(cast, ["image"], kind=UINT8)).tolist() == SHOULD_BE.tolist()


def test_coarse_scores_are_interpolated_before_the_winner_is_chosen():
    """A border then lies between the cells, not at their frames. By hand: bilinear, pixel centres at half-integers."""
    pool = [("AveragePool", ["image"], ["out"], {"kernel_shape": [1, 4], "strides": [1, 4]})]
    image = np.zeros((1, 8, 3), np.uint8)
    image[:, :4, 0], image[:, 4:, 1] = 100, 200
    mask = predict(model(pool, ["image"]), image, normalisation="unit")
    # centres at 2 and 6; between them 100 (6 - x) / 4 falls and 200 (x - 2) / 4 rises: equal at x = 3.33
    assert mask.tolist() == [[0, 0, 0, 1, 1, 1, 1, 1]]


def test_a_file_of_a_fixed_size_gets_images_of_that_size():
    """And its answer comes back at the image's own."""
    assert predict(scores(shape=(1, 3, 8, 12))).tolist() == SHOULD_BE.tolist()


def test_ids_are_taken_as_they_are():
    """ArgMax inside the file, with or without an axis of one; coarse ones are repeated."""
    data = model([("ArgMax", ["image"], ["out"], {"axis": 1, "keepdims": 1})], ["image"], gives=INT64)
    coarse = [
        ("AveragePool", ["image"], ["small"], {"kernel_shape": [2, 2], "strides": [2, 2]}),
        ("ArgMax", ["small"], ["out"], {"axis": 1, "keepdims": 0}),
    ]
    assert predict(data).tolist() == SHOULD_BE.tolist()
    assert predict(model(coarse, ["image"], gives=INT64, rank=3)).tolist() == SHOULD_BE.tolist()


def test_a_class_map_renames_and_leaves_out():
    """The first class of the file is the dataset's second; its second has no counterpart and can never win."""
    mask = predict(scores(), num_classes=2, classes=[1, None, 0])
    assert set(np.unique(mask[:, :2])) == {1}
    assert set(np.unique(mask[:, 4:])) == {0}


def test_two_classes_of_the_file_may_be_one_of_ours():
    """Cityscapes knows rider and bicycle, CamVid a bicyclist."""
    assert predict(scores(), num_classes=2, classes=[0, 1, 1]).tolist() == np.minimum(SHOULD_BE, 1).tolist()


ARGMAX = model([("ArgMax", ["image"], ["out"], {"axis": 1, "keepdims": 0})], ["image"], gives=INT64, rank=3)
ONE_PLANE = model([("ReduceMean", ["image"], ["out"], {"axes": [1]})], ["image"])


@pytest.mark.parametrize(
    ("data", "num_classes", "recipe", "sentence"),
    [
        (scores(), 4, {}, "scores 3 classes, expected 4; give a class map"),
        (scores(), 3, {"classes": [0, 1]}, "scores 3 classes, expected 2; give a class map"),
        (scores(), 3, {"classes": [0, 1, 3]}, r"leads to the ids \[0, 1, 3\]; expected at least one of 0\.\.\.2"),
        (scores(), 3, {"classes": [None, None, None]}, "expected at least one"),
        (ARGMAX, 2, {}, r"gives ids 0\.\.\.2 of shape \(4, 6\), expected \(h, w\) of 0\.\.\.1"),
        (ARGMAX, 3, {"classes": [0, 1, None]}, "says class 2, which the class map leaves out"),
        (ONE_PLANE, 3, {}, r"float32 \(1, 4, 6\) for one image; expected scores of at least two classes"),
        (scores(shape=("n", 4, "h", 5)), 3, {}, r"takes image tensor\(float\).*expected one image"),
        (scores(shape=(2, 3, "h", "w")), 3, {}, "expected one image"),
        (scores(kind=INT64, gives=INT64), 3, {}, "expected one image"),
        (b"not a model", 3, {}, "model"),
    ],
)
def test_what_does_not_fit_is_refused_with_a_sentence(data, num_classes, recipe, sentence):
    """Numbers of a model that was run wrongly look like those of a bad model."""
    with pytest.raises((InvalidModel, InvalidInput), match=sentence):
        predict(data, num_classes=num_classes, **recipe)


def test_an_image_that_the_file_cannot_take_is_named_with_its_size():
    """Networks without padding take multiples of their stride only, and onnxruntime's own words are long."""
    halves = [
        ("AveragePool", ["image"], ["small"], {"kernel_shape": [2, 2], "strides": [2, 2]}),
        ("Resize", ["small", "", "twice"], ["large"], {"mode": "nearest"}),
        ("Add", ["image", "large"], ["out"], {}),
    ]
    twice = helper.make_tensor("twice", FLOAT, [4], [1, 1, 2, 2])
    with pytest.raises(InvalidModel, match=r"cannot run an image of \(4, 5\)"):
        predict(model(halves, ["image"], constants=[twice]), IMAGE[:, :5])
