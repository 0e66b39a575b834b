"""Sliding windows against a reference that is written as loops over pixels."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from fakes.tiny import named, tiny_net
from hypothesis import given, settings
from hypothesis import strategies as st
from references.windows import slide, starts
from torch.nn import functional as F

from bpkd_core.errors import InvalidModel
from bpkd_core.export import export_onnx
from bpkd_core.infer import Session
from bpkd_core.infer.windows import Slider, session_scores, stretch, window_boxes
from bpkd_core.spec import Evaluation
from bpkd_core.train.validation import predict_mask

sides = st.integers(1, 60)


def noise(height: int, width: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def blur(image_HW3: np.ndarray) -> np.ndarray:
    """Scores that depend on where a window begins and ends, as a network's do."""
    planes = image_HW3.astype(np.float32).transpose(2, 0, 1)
    return planes - planes.mean(axis=(1, 2), keepdims=True) + planes.mean(axis=2, keepdims=True)


@settings(max_examples=80, deadline=None)
@given(sides, sides, st.data())
def test_windows_cover_every_pixel_with_whole_windows(height: int, width: int, draw: st.DataObject) -> None:
    # a gap would be class 0, and a short window at the frame would see less than the network was trained for
    window = (draw.draw(sides), draw.draw(sides))
    stride = tuple(draw.draw(st.integers(1, side)) for side in window)
    boxes = window_boxes((height, width), window, (stride[0], stride[1]))
    seen = np.zeros((height, width), int)
    for top, left, bottom, right in boxes:
        assert (bottom - top, right - left) == (min(window[0], height), min(window[1], width))
        seen[top:bottom, left:right] += 1
    assert seen.all()
    rows, columns = starts(height, window[0], stride[0]), starts(width, window[1], stride[1])
    assert [(box.top, box.left) for box in boxes] == [(top, left) for top in rows for left in columns]


@pytest.mark.parametrize(
    ("hw", "window", "stride"),
    [
        ((37, 53), (16, 20), (7, 20)),
        ((16, 20), (16, 20), (5, 5)),
        ((9, 40), (16, 16), (16, 11)),
        ((5, 5), (8, 8), (8, 8)),
    ],
)
def test_the_mask_is_that_of_the_mean_scores(
    hw: tuple[int, int], window: tuple[int, int], stride: tuple[int, int]
) -> None:
    # overlapping windows disagree; whichever came last must not win
    image = noise(*hw)
    mean = slide(blur, image, window, stride)
    mask = Slider(blur, window, stride).predict(image)
    best = np.sort(mean, axis=0)
    sure = best[-1] - best[-2] > 1e-3
    assert sure.mean() > 0.95
    np.testing.assert_array_equal(mask[sure], mean.argmax(axis=0)[sure])
    assert mask.dtype == np.uint8


@pytest.mark.parametrize(("size", "new"), [((3, 5), (12, 20)), ((1, 1), (8, 8)), ((7, 2), (9, 31))])
def test_stretching_is_torchs_interpolation(size: tuple[int, int], new: tuple[int, int]) -> None:
    # the exported file upsamples like this, and so must what adds up its logits
    scores = np.random.default_rng(0).normal(size=(4, *size)).astype(np.float32)
    expected = F.interpolate(torch.from_numpy(scores)[None], new, mode="bilinear", align_corners=False)[0]
    np.testing.assert_allclose(stretch(scores, new), expected, atol=1e-5)


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sliding") / "net.onnx"
    export_onnx(tiny_net(), path, classes=named(5), outputs=("mask", "logits"))
    return path


def test_one_window_is_the_files_own_mask(exported: Path) -> None:
    # a window that holds the image must change nothing
    session, image = Session(exported), noise(61, 90)
    mask = Slider(session_scores(session), (64, 96), (64, 96)).predict(image)
    np.testing.assert_array_equal(mask, session.predict(image))


def test_the_file_and_the_training_slide_alike(exported: Path) -> None:
    # the curve that a person watches and the final table must be one measure here too
    image = noise(75, 110, seed=1)
    mask = Slider(session_scores(Session(exported)), (40, 48), (24, 32)).predict(image)
    tensor = torch.from_numpy(image).permute(2, 0, 1)[None]
    with torch.inference_mode():
        evaluation = Evaluation(mode="slide", window=(40, 48), stride=(24, 32))
        expected = predict_mask(tiny_net().eval(), tensor, evaluation)[0].numpy()
    assert (mask == expected).mean() > 0.9999


def test_a_file_of_masks_alone_is_refused(tmp_path: Path) -> None:
    # masks have no mean
    export_onnx(tiny_net(), tmp_path / "net.onnx", classes=named(5))
    slider = Slider(session_scores(Session(tmp_path / "net.onnx")), (32, 32), (16, 16))
    with pytest.raises(InvalidModel, match="no output logits"):
        slider.predict(noise(40, 40))
