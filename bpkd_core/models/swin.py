"""Swin-T (arXiv 2103.14030): attention inside 7 x 7 windows, which every second block shifts by half a window.

Maps are (N, H, W, C) throughout. Sizes that windows, patches or merging do not divide are padded with zeros at the
right and bottom, as in OpenMMLab, whose key names and channel order these are. All sizes are computed from the map at
run time, so that the exported file takes images of any size.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from bpkd_core.models.blocks import StochasticDepth, cover

WINDOW = 7
PATCH = 4
DEPTHS, HEADS, WIDTHS = (2, 2, 6, 2), (3, 6, 12, 24), (96, 192, 384, 768)
STOCHASTIC_DEPTH = 0.3
"""How often the last block is skipped for an image in training; 0 at the first (OpenMMLab's UPerNet configuration)."""
FORBIDDEN = -100.0
"""Added to the score of two pixels that only share a window because the map was rolled; softmax makes it nothing."""


class WindowAttention(nn.Module):
    """Multi-head attention inside each window, with a learnt bias for each offset between two pixels (section 3.2)."""

    relative_position_index: Tensor

    def __init__(self, channels: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.relative_position_bias_table = nn.Parameter(torch.zeros((2 * WINDOW - 1) ** 2, heads))
        self.register_buffer("relative_position_index", _offsets())
        self.qkv = nn.Linear(channels, 3 * channels)
        self.proj = nn.Linear(channels, channels)

    def forward(self, windows_NWLC: Tensor, mask_WLL: Tensor | None) -> Tensor:
        """W windows of L = 49 pixels for each image; mask_WLL is added to the scores of all heads."""
        q, k, v = self.qkv(windows_NWLC).unflatten(-1, (3, self.heads, -1)).permute(3, 0, 1, 4, 2, 5)
        bias = self.relative_position_bias_table[self.relative_position_index].permute(2, 0, 1)
        if mask_WLL is not None:
            bias = bias + mask_WLL[:, None]
        # spelt out: torch's fused attention takes no windows of images when it is exported
        scores = q @ k.transpose(-2, -1) * q.shape[-1] ** -0.5 + bias
        return self.proj((scores.softmax(-1) @ v).transpose(2, 3).flatten(3))


class ShiftedWindows(nn.Module):
    """Cut the map into windows, perhaps after rolling it by half of one, attend, and put it together again."""

    def __init__(self, channels: int, heads: int, shift: int) -> None:
        super().__init__()
        self.shift = shift
        self.w_msa = WindowAttention(channels, heads)

    def forward(self, x_NHWC: Tensor) -> Tensor:
        """(N, H, W, C) to the same."""
        n, height, width, channels = x_NHWC.shape
        rows, columns = cover(height, WINDOW), cover(width, WINDOW)
        x = F.pad(x_NHWC, (0, 0, 0, columns * WINDOW - width, 0, rows * WINDOW - height))
        x = torch.roll(x, (-self.shift, -self.shift), (1, 2)) if self.shift else x
        windows = x.view(n, rows, WINDOW, columns, WINDOW, channels).transpose(2, 3)
        windows = windows.reshape(n, rows * columns, WINDOW * WINDOW, channels)
        windows = self.w_msa(windows, self._mask(rows, columns, x) if self.shift else None)
        x = windows.view(n, rows, columns, WINDOW, WINDOW, channels).transpose(2, 3)
        x = x.reshape(n, rows * WINDOW, columns * WINDOW, channels)
        x = torch.roll(x, (self.shift, self.shift), (1, 2)) if self.shift else x
        return x[:, :height, :width]

    def _mask(self, rows: int, columns: int, like: Tensor) -> Tensor:
        """(W, L, L): FORBIDDEN between pixels that come from different sides of the unrolled map, else 0."""
        region = 3 * self._parts(rows, like)[:, None, :, None] + self._parts(columns, like)[None, :, None, :]
        region = region.reshape(rows * columns, WINDOW * WINDOW)
        return FORBIDDEN * (region[:, :, None] != region[:, None, :]).to(like.dtype)

    def _parts(self, count: int, like: Tensor) -> Tensor:
        """(count, WINDOW): 0 before the last window, then 1, and 2 where the map was rolled around."""
        position = torch.arange(count * WINDOW, device=like.device).view(count, WINDOW)
        return (position >= (count - 1) * WINDOW).long() + (position >= count * WINDOW - self.shift).long()


class Block(nn.Module):
    """Attention and a two-layer perceptron, each behind a norm and beside a shortcut (equation 3)."""

    def __init__(self, channels: int, heads: int, *, shift: int, drop: float) -> None:
        super().__init__()
        self.drop = StochasticDepth(drop)
        self.norm1 = nn.LayerNorm(channels)
        self.attn = ShiftedWindows(channels, heads, shift)
        self.norm2 = nn.LayerNorm(channels)
        self.ffn = nn.ModuleDict({"layers": _perceptron(channels)})

    def forward(self, x_NHWC: Tensor) -> Tensor:
        """(N, H, W, C) to the same."""
        x = x_NHWC + self.drop(self.attn(self.norm1(x_NHWC)))
        return x + self.drop(self.ffn["layers"](self.norm2(x)))


class PatchMerging(nn.Module):
    """Four neighbours become one pixel of twice the channels."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(4 * channels)
        self.reduction = nn.Linear(4 * channels, 2 * channels, bias=False)

    def forward(self, x_NHWC: Tensor) -> Tensor:
        """(N, H, W, C) to (N, ceil(H / 2), ceil(W / 2), 2C)."""
        n, height, width, channels = x_NHWC.shape
        rows, columns = cover(height, 2), cover(width, 2)
        x = F.pad(x_NHWC, (0, 0, 0, 2 * columns - width, 0, 2 * rows - height))
        x = x.view(n, rows, 2, columns, 2, channels).permute(0, 1, 3, 5, 2, 4)  # channel, then row, then column
        return self.reduction(self.norm(x.reshape(n, rows, columns, 4 * channels)))


class Stage(nn.Module):
    """Blocks of which every second one shifts, and the reduction to the next stage."""

    def __init__(self, channels: int, heads: int, drops: list[float], *, last: bool) -> None:
        super().__init__()
        self.blocks = nn.Sequential(
            *(
                Block(channels, heads, shift=WINDOW // 2 if index % 2 else 0, drop=drop)
                for index, drop in enumerate(drops)
            )
        )
        self.downsample = None if last else PatchMerging(channels)

    def forward(self, x_NHWC: Tensor) -> tuple[Tensor, Tensor]:
        """(N, H, W, C) to the same, and to what the next stage takes."""
        x = self.blocks(x_NHWC)
        return x, x if self.downsample is None else self.downsample(x)


class PatchEmbedding(nn.Module):
    """Each 4 x 4 patch of the image as one pixel."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.projection = nn.Conv2d(3, channels, PATCH, PATCH)
        self.norm = nn.LayerNorm(channels)

    def forward(self, images_NCHW: Tensor) -> Tensor:
        """(N, 3, H, W) to (N, ceil(H / 4), ceil(W / 4), C)."""
        height, width = images_NCHW.shape[2:]
        missing_y, missing_x = cover(height, PATCH) * PATCH - height, cover(width, PATCH) * PATCH - width
        return self.norm(self.projection(F.pad(images_NCHW, (0, missing_x, 0, missing_y))).permute(0, 2, 3, 1))


class SwinT(nn.Module):
    """The backbone of 28 M parameters; every stage's map leaves through a norm of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.patch_embed = PatchEmbedding(WIDTHS[0])
        drops = torch.linspace(0, STOCHASTIC_DEPTH, sum(DEPTHS), device="cpu").split(DEPTHS)
        stages = [
            Stage(width, heads, rates.tolist(), last=width == WIDTHS[-1])
            for width, heads, rates in zip(WIDTHS, HEADS, drops, strict=True)
        ]
        self.stages = nn.ModuleList(stages)
        for index, width in enumerate(WIDTHS):
            self.add_module(f"norm{index}", nn.LayerNorm(width))
        self.apply(_initialise)

    def forward(self, images_NCHW: Tensor) -> list[Tensor]:
        """(N, 3, H, W) to maps (N, C, h, w) of 96, 192, 384 and 768 channels at 1/4, 1/8, 1/16 and 1/32."""
        x, maps = self.patch_embed(images_NCHW), []
        for index, stage in enumerate(self.stages):
            out, x = stage(x)
            maps.append(self.get_submodule(f"norm{index}")(out).permute(0, 3, 1, 2).contiguous())
        return maps


def _offsets() -> Tensor:
    """(49, 49): where the bias for two pixels of a window lies in the table of all offsets."""
    y, x = torch.meshgrid(torch.arange(WINDOW), torch.arange(WINDOW), indexing="ij")
    dy, dx = (axis.flatten()[:, None] - axis.flatten()[None, :] + WINDOW - 1 for axis in (y, x))
    return dy * (2 * WINDOW - 1) + dx


def _perceptron(channels: int) -> nn.Sequential:
    return nn.Sequential(nn.Sequential(nn.Linear(channels, 4 * channels), nn.GELU()), nn.Linear(4 * channels, channels))


def _initialise(module: nn.Module) -> None:
    if isinstance(module, nn.Linear):
        nn.init.trunc_normal_(module.weight, std=0.02)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
    elif isinstance(module, WindowAttention):
        nn.init.trunc_normal_(module.relative_position_bias_table, std=0.02)
