"""The Mix Transformer, SegFormer's encoder (arXiv 2105.15203, section 3.1). Key names are OpenMMLab's.

Maps are (N, H, W, C) from one end of a stage to the other, so that norms and attention find a pixel's channels beside
each other; convolutions see the same memory as a channels-last (N, C, H, W).
"""

from __future__ import annotations

import math
from collections import OrderedDict

from torch import Tensor, nn
from torch.nn import functional as F

from bpkd_core.models.blocks import StochasticDepth

HEADS = (1, 2, 5, 8)
REDUCTIONS = (8, 4, 2, 1)
"""How many times smaller a side the map is that is attended to: fine stages at the cost of coarse ones (equation 2)."""

EXPANSION = 4
STOCHASTIC_DEPTH = 0.1
"""How often the last block is left out while it trains; the first never is, those between in proportion."""


class LayerNorm(nn.LayerNorm):
    """With the epsilon of OpenMMLab."""

    def __init__(self, width: int) -> None:
        super().__init__(width, eps=1e-6)


class Attention(nn.Module):
    """Self-attention of every pixel to a map that is `reduction` times smaller a side, rounded down."""

    def __init__(self, width: int, heads: int, reduction: int) -> None:
        super().__init__()
        self.attn = nn.MultiheadAttention(
            width, heads
        )  # only its weights: its own pass cannot be exported for any size
        self.heads = heads
        self.sr = nn.Conv2d(width, width, reduction, reduction) if reduction > 1 else None
        self.norm = LayerNorm(width) if reduction > 1 else nn.Identity()

    def forward(self, x_NHWC: Tensor) -> Tensor:
        """(N, H, W, width) to (N, H, W, width); H and W of `reduction` and more."""
        width = x_NHWC.shape[3]
        reduced = x_NHWC if self.sr is None else self.norm(_around(self.sr, x_NHWC))
        weight, bias = self.attn.in_proj_weight, self.attn.in_proj_bias
        query = self._by_head(F.linear(x_NHWC, weight[:width], bias[:width]))
        key, value = map(self._by_head, F.linear(reduced, weight[width:], bias[width:]).chunk(2, dim=3))
        context = F.scaled_dot_product_attention(query, key, value)
        return self.attn.out_proj(context.transpose(1, 2).reshape(x_NHWC.shape))

    def _by_head(self, x_NHWC: Tensor) -> Tensor:
        """(N, heads, H W, C / heads)."""
        return x_NHWC.flatten(1, 2).unflatten(2, (self.heads, -1)).transpose(1, 2)


class MixFFN(nn.Module):
    """Two layers with a 3x3 depth-wise convolution between them, which tells a pixel where it is (equation 3)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        inner = EXPANSION * width
        depthwise = nn.Conv2d(inner, inner, 3, padding=1, groups=inner)
        parts = {"0": nn.Conv2d(width, inner, 1), "1": depthwise, "2": nn.GELU(), "4": nn.Conv2d(inner, width, 1)}
        self.layers = nn.Sequential(OrderedDict(parts))

    def forward(self, x_NHWC: Tensor) -> Tensor:
        """(N, H, W, width) to (N, H, W, width)."""
        return _around(self.layers, x_NHWC)


class Block(nn.Module):
    """Attention and the mixing layers, each behind a norm and around a shortcut.

    drop: how often an image takes the shortcut alone while this trains.
    """

    def __init__(self, width: int, heads: int, reduction: int, drop: float) -> None:
        super().__init__()
        self.norm1 = LayerNorm(width)
        self.attn = Attention(width, heads, reduction)
        self.norm2 = LayerNorm(width)
        self.ffn = MixFFN(width)
        self.drop = StochasticDepth(drop)

    def forward(self, x_NHWC: Tensor) -> Tensor:
        """(N, H, W, width) to (N, H, W, width)."""
        x = x_NHWC + self.drop(self.attn(self.norm1(x_NHWC)))
        return x + self.drop(self.ffn(self.norm2(x)))


class PatchEmbedding(nn.Module):
    """Overlapping patches: a strided convolution and a norm."""

    def __init__(self, c_in: int, width: int, kernel: int, stride: int) -> None:
        super().__init__()
        self.projection = nn.Conv2d(c_in, width, kernel, stride, padding=kernel // 2)
        self.norm = LayerNorm(width)

    def forward(self, x_NCHW: Tensor) -> Tensor:
        """(N, c_in, H, W) to (N, h, w, width), the sides divided by the stride and rounded up."""
        return self.norm(self.projection(x_NCHW).permute(0, 2, 3, 1))


class MixTransformer(nn.Module):
    """Four stages, each patches, blocks and a norm. widths: their channels; depths: their blocks."""

    def __init__(self, widths: tuple[int, ...], depths: tuple[int, ...]) -> None:
        super().__init__()
        drops = iter(STOCHASTIC_DEPTH * block / (sum(depths) - 1) for block in range(sum(depths)))
        self.layers = nn.ModuleList()
        for c_in, width, heads, reduction, depth in zip(
            (3, *widths[:-1]), widths, HEADS, REDUCTIONS, depths, strict=True
        ):
            patches = PatchEmbedding(c_in, width, 3, 2) if self.layers else PatchEmbedding(c_in, width, 7, 4)
            blocks = nn.Sequential(*(Block(width, heads, reduction, next(drops)) for _ in range(depth)))
            self.layers.append(nn.Sequential(patches, blocks, LayerNorm(width)))
        _initialise(self)

    def forward(self, images_NCHW: Tensor) -> list[Tensor]:
        """(N, 3, H, W) to four maps (N, C, h, w), at 1/4, 1/8, 1/16 and 1/32, rounded up."""
        x = images_NCHW
        return [x := stage(x).permute(0, 3, 1, 2) for stage in self.layers]


def _around(convolutions: nn.Module, x_NHWC: Tensor) -> Tensor:
    return convolutions(x_NHWC.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)


def _initialise(encoder: nn.Module) -> None:
    """As the authors: a deviation of 0.02 for what mixes channels, Kaiming normal for what looks around.

    The fan out of a depth-wise convolution is that of its own group: counting all would all but mute it.
    """
    for key, parameter in encoder.named_parameters():
        if key.endswith("bias"):
            nn.init.zeros_(parameter)
        elif parameter.ndim > 1:
            nn.init.normal_(parameter, std=0.02)
    for module in encoder.modules():
        if isinstance(module, nn.Conv2d) and module.kernel_size != (1, 1):
            fan_out = module.out_channels // module.groups * math.prod(module.kernel_size)
            nn.init.normal_(module.weight, std=math.sqrt(2 / fan_out))
