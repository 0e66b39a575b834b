"""The parts whose arithmetic is ours: pooling by products, batch norm of one value, branches left out, start values."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional as F

from bpkd_core.models.blocks import BatchNorm, StochasticDepth, conv, cover, initialise
from bpkd_core.models.dappm import DAPPM
from bpkd_core.models.pspnet import BINS, AdaptivePool
from bpkd_core.models.resnet import BasicBlock, Bottleneck, ResNet, resnet_18, resnet_101
from bpkd_core.models.segformer import segformer_b0


@settings(max_examples=40, deadline=None)
@given(height=st.integers(1, 40), width=st.integers(1, 40), bins=st.sampled_from(BINS), layout=st.booleans())
def test_pooling_by_products_is_adaptive_average_pooling(height: int, width: int, bins: int, layout: bool) -> None:
    """MMSegmentation weights were trained with torch's cells; overlapping ones at odd sizes are where copies err."""
    maps = torch.rand(2, 3, height, width, generator=torch.Generator().manual_seed(height * 41 + width))
    maps = maps.to(memory_format=torch.channels_last if layout else torch.contiguous_format)
    torch.testing.assert_close(AdaptivePool(bins)(maps), F.adaptive_avg_pool2d(maps, bins), atol=1e-6, rtol=0)


def test_pooling_by_products_has_the_gradient_of_adaptive_average_pooling() -> None:
    """The backbone is trained through it."""
    maps = torch.rand(2, 3, 13, 17, dtype=torch.float64, requires_grad=True)
    weight = torch.rand(2, 3, 6, 6, dtype=torch.float64)
    (ours,) = torch.autograd.grad((AdaptivePool(6)(maps) * weight).sum(), maps)
    (theirs,) = torch.autograd.grad((F.adaptive_avg_pool2d(maps, 6) * weight).sum(), maps)
    torch.testing.assert_close(ours, theirs)


@pytest.mark.parametrize("bins", BINS)
def test_pooling_keeps_a_constant_exact_in_bfloat16(bins: int) -> None:
    """Averaging weights like 1/7 rounded to bfloat16 would scale every context under autocast."""
    maps = torch.ones(1, 1, 23, 37)
    with torch.autocast("cpu", torch.bfloat16):
        assert AdaptivePool(bins)(maps).float().unique().tolist() == [1.0]


@settings(max_examples=30, deadline=None)
@given(side=st.integers(1, 10_000), piece=st.integers(1, 64))
def test_pieces_cover_a_side(side: int, piece: int) -> None:
    """One too few would cut the image, one too many would pad a whole window."""
    assert cover(side, piece) == math.ceil(side / piece)


def test_a_branch_is_left_out_for_some_images_and_larger_for_the_others() -> None:
    """On average a block in training says what it says in eval mode."""
    torch.manual_seed(0)
    branch = torch.rand(400, 2, 3, 4) + 1
    depth = StochasticDepth(0.25)
    kept = depth(branch)
    left_out = (kept == 0).flatten(1).all(1)
    assert 70 < left_out.sum() < 130
    torch.testing.assert_close(kept[~left_out], branch[~left_out] / 0.75)
    assert depth.eval()(branch) is branch


def test_batch_norm_of_one_value_uses_running_statistics_and_leaves_them() -> None:
    """One value has no variance: torch refuses it, and a momentum step towards variance 0 would poison eval mode."""
    norm = BatchNorm(4).train()
    norm(torch.randn(8, 4, 5, 5) * 3 + 2)
    before = {key: value.clone() for key, value in norm.state_dict().items()}
    one = torch.randn(1, 4, 1, 1)
    trained = norm(one)
    assert all(torch.equal(before[key], value) for key, value in norm.state_dict().items())
    torch.testing.assert_close(trained, norm.eval()(one))


def test_batch_norm_of_more_values_is_torch_batch_norm() -> None:
    """The exception for one value must not leak into ordinary batches."""
    ours, theirs = BatchNorm(4).train(), nn.BatchNorm2d(4).train()
    maps = torch.randn(2, 4, 1, 1)
    torch.testing.assert_close(ours(maps), theirs(maps))
    torch.testing.assert_close(dict(ours.state_dict()), dict(theirs.state_dict()))


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize(("kernel", "dilation"), [(1, 1), (3, 1), (3, 4)])
def test_a_convolution_rounds_its_size_up(kernel: int, dilation: int, stride: int) -> None:
    """Both branches of DDRNet meet again only if every path from 1/8 to 1/64 rounds the same way."""
    sides = [conv(1, 1, kernel, stride, dilation)(torch.rand(1, 1, side, side)).shape[-1] for side in range(1, 12)]
    assert sides == [math.ceil(side / stride) for side in range(1, 12)]


@pytest.mark.parametrize("size", [(1, 1), (1, 3), (2, 5), (9, 16), (23, 30)])
def test_the_pyramid_runs_on_maps_smaller_than_its_windows(size: tuple[int, int]) -> None:
    """At 1/64 a small image is one pixel, and the largest window is 17."""
    out = DAPPM(6, 4, 5).eval()(torch.randn(1, 6, *size))
    assert out.shape == (1, 5, *size)
    assert out.isfinite().all()


@pytest.mark.parametrize("block", [BasicBlock(8, 8, 1, 2), Bottleneck(32, 8, 1, 2)])
def test_a_fresh_residual_block_is_the_identity(block: nn.Module) -> None:
    """A hundred layers train from scratch only if they start by passing their input on."""
    maps = torch.rand(2, 8 if isinstance(block, BasicBlock) else 32, 6, 6)
    torch.testing.assert_close(block(maps), maps)


@pytest.mark.parametrize(("make", "convolution"), [(resnet_18, "conv1"), (resnet_101, "conv2")])
def test_the_last_stages_dilate_where_openmmlab_does(make: Callable[[], ResNet], convolution: str) -> None:
    """Dilation leaves no trace in keys or counts: weights would load, and score a few points too low."""
    with torch.device("meta"):
        net = make()
    third = [block.get_submodule(convolution).dilation[0] for block in net.layer3]
    fourth = [block.get_submodule(convolution).dilation[0] for block in net.layer4]
    assert third == [1] + [2] * (len(third) - 1)
    assert fourth == [2] + [4] * (len(fourth) - 1)
    others = [m for key, m in net.named_modules() if isinstance(m, nn.Conv2d) and not key.endswith(convolution)]
    assert {other.dilation for other in others} == {(1, 1)}


def test_fresh_convolutions_keep_the_variance_and_classifiers_start_near_zero() -> None:
    """Kaiming's deviation, sqrt(2 / fan out), holds the gradient's size through ReLU layers."""
    net = nn.Sequential(conv(64, 128, 3), nn.Conv2d(128, 19, 1))
    torch.manual_seed(0)
    initialise(net)
    assert net[0].weight.std().item() == pytest.approx(math.sqrt(2 / (9 * 128)), rel=0.02)
    assert net[1].weight.std().item() == pytest.approx(0.01, rel=0.05)
    assert net[1].bias.count_nonzero() == 0


def test_fresh_depthwise_convolutions_of_segformer_count_their_own_group() -> None:
    """Counting all channels would start them some twenty times too small to carry position."""
    torch.manual_seed(0)
    weights = [p for key, p in segformer_b0(3).named_parameters() if key.endswith("ffn.layers.1.weight")]
    deviation = torch.cat([weight.flatten() for weight in weights]).std().item()
    assert deviation == pytest.approx(math.sqrt(2 / 9), rel=0.02)
