"""Our networks with weights under MMSegmentation's keys, against what MMSegmentation itself computes with them."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from references.openmmlab import GOLDEN, NUM_CLASSES, SIZES, image, key_lines, sample, shapes_of, weights

from bpkd_core.models import SegmentationNet, build

SAME_KEYS = ["hrnet_w18s", "hrnet_w48", "isanet_r18", "isanet_r101", "pspnet_r18", "pspnet_r101"]


def fresh(name: str) -> SegmentationNet:
    """Without start values, which would take most of the time and are all replaced."""
    with torch.device("meta"):
        return build(name, num_classes=NUM_CLASSES).eval()


def text(golden: np.lib.npyio.NpzFile) -> str:
    return golden["keys"].tobytes().decode()


@pytest.mark.parametrize("name", SAME_KEYS)
def test_keys_and_shapes_are_those_of_openmmlab(name: str) -> None:
    """A checkpoint loads strictly only while every name and every shape stands."""
    shapes = {key: tuple(value.shape) for key, value in fresh(name).state_dict().items()}
    with np.load(GOLDEN / f"{name}.npz") as golden:
        assert key_lines(shapes) == text(golden)


@pytest.mark.parametrize("name", SAME_KEYS)
def test_logits_are_those_of_openmmlab(name: str) -> None:
    """Keys say nothing of dilation, of the side a padding is on, or of a resize half a pixel off at odd sizes."""
    with np.load(GOLDEN / f"{name}.npz") as golden, torch.inference_mode():
        net = fresh(name)
        net.load_state_dict(weights(shapes_of(text(golden)), float(golden["gain"])), strict=True, assign=True)
        for height, width in SIZES:
            logits = net(image((height, width)))
            assert logits.shape == tuple(golden[f"shape_{height}x{width}"])
            np.testing.assert_allclose(sample(logits.numpy()), golden[f"logits_{height}x{width}"], atol=1e-4, rtol=0)
