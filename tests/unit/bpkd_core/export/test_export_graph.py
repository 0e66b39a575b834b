"""The nodes around the network, run by onnxruntime, against torch."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import onnxruntime as ort
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import helper
from torch import Tensor
from torch.nn import functional as F

from bpkd_core.data.transforms import normalise
from bpkd_core.export.graph import normalise_and_pad, padded_side, upsampled_argmax
from bpkd_core.export.nodes import Nodes
from bpkd_core.export.parity import TIE


def run(build: Callable[[Nodes], str], feed: Tensor) -> Tensor:
    """The value that `build` names, computed from the value `x`."""
    g = Nodes("test")
    out = build(g)
    element = helper.np_dtype_to_tensor_dtype(feed.numpy().dtype)
    graph = helper.make_graph(
        g.nodes,
        "test",
        [helper.make_tensor_value_info("x", element, [None] * feed.ndim)],
        [helper.make_empty_tensor_value_info(out)],
        list(g.constants.values()),
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
    session = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    (value,) = session.run(None, {"x": feed.numpy()})
    return torch.from_numpy(np.asarray(value))


def upsample(logits: Tensor, stride: int, crop: int = 0) -> Tensor:
    """Class ids of the graph, cropped by `crop` pixels at the right and the bottom."""

    def build(g: Nodes) -> str:
        size_hw = g.Sub(g.Mul(g.Shape("x", start=2), [stride, stride]), [crop, crop])
        num_classes = logits.shape[1]
        dtype = "uint8" if num_classes < 256 else "uint16"
        return upsampled_argmax(g, "x", size_hw, stride=stride, num_classes=num_classes, dtype=dtype, out="y")

    return run(build, logits).long()


def wrong_pixels(logits: Tensor, stride: int) -> int:
    """How many pixels differ from torch, where torch does not score both classes equal up to rounding."""
    scores = F.interpolate(logits, scale_factor=stride, mode="bilinear", align_corners=False)
    ids = upsample(logits, stride)
    assert ids.shape == scores[:, 0].shape
    gap = scores.amax(1) - scores.gather(1, ids[:, None])[:, 0]
    return int((gap > TIE * max(1.0, float(logits.abs().max()))).sum())


def noise(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("stride", [1, 2, 3, 4, 8])
@pytest.mark.parametrize("kind", ["noise", "smooth", "constant", "one class", "equal scores"])
def test_boundary_only_upsampling_gives_the_classes_that_torch_gives(stride: int, kind: str) -> None:
    """It replaces the full upsampling of every served mask, so it may not be almost right."""
    logits = {
        "noise": lambda: noise(2, 11, 13, 9),
        "smooth": lambda: F.interpolate(noise(2, 11, 3, 4), (13, 9), mode="bicubic"),
        "constant": lambda: noise(2, 11, 1, 1).expand(2, 11, 13, 9).contiguous(),
        "one class": lambda: noise(2, 1, 13, 9),
        "equal scores": lambda: noise(2, 11, 13, 9).round(),
    }[kind]()
    assert wrong_pixels(logits, stride) == 0


def test_random_logits_without_ties_differ_in_no_pixel() -> None:
    """The tolerance for ties above must not hide a difference."""
    logits = noise(3, 7, 21, 17)
    scores = F.interpolate(logits, scale_factor=8, mode="bilinear", align_corners=False)
    assert torch.equal(upsample(logits, 8), scores.argmax(1))


@settings(deadline=None, max_examples=50)
@given(
    shape=st.tuples(st.integers(1, 3), st.integers(1, 4), st.integers(1, 5), st.integers(1, 5)),
    stride=st.sampled_from([2, 4, 8]),
    seed=st.integers(0, 2**32 - 1),
)
def test_boundary_only_upsampling_is_right_at_every_small_shape(shape: tuple[int, ...], stride: int, seed: int) -> None:
    """One cell, one row and one class are where padding and empty selections go wrong."""
    assert wrong_pixels(noise(*shape, seed=seed), stride) == 0


def test_a_mask_is_cropped_to_the_image() -> None:
    """The padding to the stride is never seen."""
    logits = noise(1, 3, 4, 5)
    assert torch.equal(upsample(logits, 8, crop=7), upsample(logits, 8)[:, :-7, :-7])


def test_more_than_255_classes_keep_their_ids() -> None:
    """ADE20K's full set has 3,000 classes; in uint8 they would wrap around."""
    logits = noise(1, 300, 3, 3)
    assert wrong_pixels(logits, 4) == 0
    assert int(upsample(logits, 4).max()) > 255


@pytest.mark.parametrize("hw", [(1, 1), (1, 70), (31, 33), (64, 40)])
def test_normalisation_equals_training_bit_for_bit(hw: tuple[int, int]) -> None:
    """A network sees in service exactly what it saw in training."""
    images = torch.randint(0, 256, (2, *hw, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    padded = run(lambda g: normalise_and_pad(g, "x", 8, out="y"), images)
    assert padded.shape == (2, 3, padded_side(hw[0], 8), padded_side(hw[1], 8))
    inside = padded[:, :, : hw[0], : hw[1]]
    assert torch.equal(inside, normalise(images.permute(0, 3, 1, 2)))
    assert padded.count_nonzero() == inside.count_nonzero()


@pytest.mark.parametrize(("side", "padded"), [(1, 32), (32, 32), (33, 40), (480, 480)])
def test_a_padded_side_is_the_next_multiple_from_32_on(side: int, padded: int) -> None:
    """Smaller images leave nothing for a network that reduces 32-fold."""
    assert padded_side(side, 8) == padded


def test_an_operator_is_spelled_with_a_capital() -> None:
    """Copying or inspecting a Nodes object must not add operators to it."""
    assert not hasattr(Nodes("test"), "relu")
