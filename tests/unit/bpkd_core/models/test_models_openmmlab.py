"""Our networks with weights under MMSegmentation's keys, against what MMSegmentation itself computes with them."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from references.openmmlab import GOLDEN, NUM_CLASSES, SIZES, image, key_lines, sample, shapes_of, weights

from bpkd_core.models import SegmentationNet, build

NETWORKS = sorted(path.stem for path in GOLDEN.glob("*.npz"))


def loaded(name: str) -> tuple[SegmentationNet, np.lib.npyio.NpzFile]:
    """Our network with every weight replaced, and what MMSegmentation says of it."""
    golden = np.load(GOLDEN / f"{name}.npz")
    drawn = weights(shapes_of(text(golden)), float(golden["gain"]))
    net = build(name, num_classes=NUM_CLASSES)
    net.conform(drawn)
    net.load_state_dict({**net.state_dict(), **drawn}, strict=True)
    return net.eval(), golden


def text(golden: np.lib.npyio.NpzFile) -> str:
    return golden["keys"].tobytes().decode()


@pytest.mark.parametrize("name", NETWORKS)
def test_keys_shapes_and_logits_are_those_of_openmmlab(name: str) -> None:
    """A checkpoint loads strictly only while every name and shape stands; and they say nothing of dilation, of the side
    a padding is on, of the order of channels, or of a resize half a pixel off at odd sizes: the logits do."""
    net, golden = loaded(name)
    assert key_lines({key: tuple(value.shape) for key, value in net.state_dict().items()}) == text(golden)
    for height, width in SIZES:
        with torch.inference_mode():
            logits = net(image((height, width)))
        assert logits.shape == tuple(golden[f"shape_{height}x{width}"])
        np.testing.assert_allclose(sample(logits.numpy()), golden[f"logits_{height}x{width}"], atol=1e-4, rtol=0)
