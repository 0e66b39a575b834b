"""Swin-T and UPerNet: windows against a loop, padding, skipped blocks, and sizes the exporter did not see."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence

import numpy as np
import onnxruntime
import pytest
import torch
from torch import Tensor, nn
from torch.export import Dim

from bpkd_core.models.base import Outputs
from bpkd_core.models.swin import WINDOW, Block, PatchMerging, ShiftedWindows, SwinT
from bpkd_core.models.upernet import UPerHead, UPerNet


def attend(module: ShiftedWindows, x_HWC: Tensor) -> Tensor:
    """Shifted-window attention of one padded map, pixel by pixel: who may look at whom, and with which bias."""
    height, width, channels = x_HWC.shape
    heads, shift, msa = module.w_msa.heads, module.shift, module.w_msa
    q, k, v = msa.qkv(x_HWC).view(height, width, 3, heads, channels // heads).unbind(2)
    out = torch.zeros(height, width, channels)
    for y in range(height):
        for x in range(width):
            others = [
                (b, a)
                for b in range(height)
                for a in range(width)
                # the window's grid is moved by the shift, and it ends at the rim of the map
                if (b - shift) // WINDOW == (y - shift) // WINDOW and (a - shift) // WINDOW == (x - shift) // WINDOW
            ]
            mixed = []
            for head in range(heads):
                bias = [
                    msa.relative_position_bias_table[(y - b + WINDOW - 1) * (2 * WINDOW - 1) + x - a + WINDOW - 1, head]
                    for b, a in others
                ]
                scores = [q[y, x, head] @ k[b, a, head] / math.sqrt(channels // heads) for b, a in others]
                weights = (torch.stack(scores) + torch.stack(bias)).softmax(0)
                mixed.append(sum(w * v[b, a, head] for w, (b, a) in zip(weights, others, strict=True)))
            out[y, x] = msa.proj(torch.cat(mixed))
    return out


@pytest.mark.parametrize("shift", [0, 3])
@pytest.mark.parametrize("size", [(7, 7), (9, 15)])
def test_windows_are_those_of_a_loop_over_pixels(shift: int, size: tuple[int, int]) -> None:
    """Rolling, cutting, masking and the table of offsets must amount to who sees whom, padding included."""
    torch.manual_seed(0)
    module = ShiftedWindows(6, 2, shift)
    nn.init.normal_(module.w_msa.relative_position_bias_table)
    x = torch.randn(2, *size, 6)
    padded = nn.functional.pad(x, (0, 0, 0, -size[1] % WINDOW, 0, -size[0] % WINDOW))
    with torch.no_grad():
        expected = torch.stack([attend(module, each)[: size[0], : size[1]] for each in padded])
        torch.testing.assert_close(module(x), expected, atol=1e-5, rtol=1e-4)


def test_four_neighbours_are_merged_channel_by_channel() -> None:
    """OpenMMLab's weights are trained for this order; the original's is another, and both have the same shapes."""
    merging = PatchMerging(2)
    merging.norm, merging.reduction = nn.Identity(), nn.Identity()  # type: ignore[assignment]
    x = torch.arange(2 * 3 * 2.0).view(1, 2, 3, 2)
    merged = merging(x)
    assert merged.shape == (1, 1, 2, 8)
    assert merged[0, 0, 0].tolist() == [0, 2, 6, 8, 1, 3, 7, 9]
    assert merged[0, 0, 1].tolist() == [4, 0, 10, 0, 5, 0, 11, 0]


def test_every_second_block_shifts_by_half_a_window_and_later_ones_are_skipped_more_often() -> None:
    """Neither leaves a trace in the keys."""
    blocks = [block for block in SwinT().modules() if isinstance(block, Block)]
    assert [block.attn.shift for block in blocks] == [0, 3] * 6
    assert [round(block.drop.rate, 4) for block in blocks] == [round(0.3 * i / 11, 4) for i in range(12)]


class Tiny(nn.Module):
    """One stage of each kind and the head, narrow, as the exporter sees them."""

    def __init__(self) -> None:
        super().__init__()
        self.block = nn.Sequential(Block(6, 2, shift=0, drop=0.1), Block(6, 2, shift=3, drop=0.1))
        self.merge = PatchMerging(6)

    def forward(self, x_NHWC: Tensor) -> Tensor:
        return self.merge(self.block(x_NHWC))


def exported(net: nn.Module, example: Tensor, dynamic: Sequence[int]) -> onnxruntime.InferenceSession:
    sizes = dict.fromkeys(dynamic, Dim.DYNAMIC)
    program = torch.onnx.export(net, (example,), dynamo=True, dynamic_shapes=(sizes,), verbose=False)
    assert program is not None
    file = io.BytesIO()
    program.save(file)
    return onnxruntime.InferenceSession(file.getvalue(), providers=["CPUExecutionProvider"])


def test_exported_windows_are_right_at_sizes_they_were_not_traced_at() -> None:
    """ONNX divides negative numbers towards zero and Python does not: counts of windows were one short."""
    torch.manual_seed(0)
    net = Tiny().eval()
    session = exported(net, torch.randn(2, 12, 16, 6), dynamic=(0, 1, 2))
    for size in ((1, 1, 1, 6), (1, 7, 14, 6), (3, 9, 29, 6), (1, 33, 8, 6)):
        x = torch.randn(size)
        (found,) = session.run(None, {session.get_inputs()[0].name: x.numpy()})
        with torch.no_grad():
            np.testing.assert_allclose(found, net(x).numpy(), atol=1e-5)


@pytest.fixture(scope="module")
def upernet() -> UPerNet:
    torch.manual_seed(0)
    return UPerNet(3)


@pytest.mark.parametrize("size", [(33, 65), (5, 40)])
def test_any_size_gives_logits_and_features_at_a_quarter(upernet: UPerNet, size: tuple[int, int]) -> None:
    """Patches, windows and merging each pad what they do not divide."""
    with torch.no_grad():
        outputs = upernet.train()(torch.randn(1, 3, *size))
    assert isinstance(outputs, Outputs)
    quarter = tuple(-(-side // 4) for side in size)
    assert outputs.logits.shape == (1, 3, *quarter)
    assert outputs.features is not None
    assert outputs.features.shape == (1, upernet.feature_channels, *quarter)
    assert [tuple(aux.shape) for aux in outputs.aux] == [(1, 3, *(-(-side // 16) for side in size))]


def test_images_of_a_batch_do_not_influence_each_other(upernet: UPerNet) -> None:
    """Windows are cut out of every image by itself."""
    images = torch.randn(2, 3, 33, 36)
    with torch.no_grad():
        torch.testing.assert_close(upernet.eval()(images)[1:], upernet(images[1:]), atol=1e-5, rtol=1e-4)


def test_keys_and_counts_are_those_of_openmmlab(upernet: UPerNet) -> None:
    """MMSegmentation checkpoints load strictly only while every one of these names stands."""
    assert {
        "backbone.patch_embed.projection.weight",
        "backbone.patch_embed.norm.bias",
        "backbone.stages.0.blocks.1.attn.w_msa.relative_position_bias_table",
        "backbone.stages.0.blocks.1.attn.w_msa.relative_position_index",
        "backbone.stages.2.blocks.5.attn.w_msa.qkv.bias",
        "backbone.stages.3.blocks.0.ffn.layers.0.0.weight",
        "backbone.stages.3.blocks.0.ffn.layers.1.weight",
        "backbone.stages.2.downsample.reduction.weight",
        "backbone.norm3.weight",
        "decode_head.psp_modules.3.1.bn.weight",
        "decode_head.lateral_convs.2.conv.weight",
        "decode_head.fpn_convs.0.bn.running_var",
        "decode_head.fpn_bottleneck.conv.weight",
        "auxiliary_head.convs.0.conv.weight",
    } <= upernet.state_dict().keys()


def test_the_top_down_path_adds_and_does_not_replace() -> None:
    """A head whose fine levels did not see the coarse ones would still load and run."""
    torch.manual_seed(0)
    head = UPerHead(2).eval()
    maps = [torch.randn(1, width, side, side) for width, side in zip((96, 192, 384, 768), (8, 4, 2, 1), strict=True)]
    with torch.no_grad():
        before, _ = head(maps)
        for index in range(4):
            changed = [level + (index == i) * torch.randn_like(level) for i, level in enumerate(maps)]
            assert not torch.allclose(head(changed)[0], before)
