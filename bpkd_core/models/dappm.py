"""The deep aggregation pyramid pooling module of DDRNet (arXiv 2101.06085, equation 2)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from bpkd_core.models.blocks import norm_conv, resize

WINDOWS = ((5, 2), (9, 4), (17, 8))
"""Kernel and stride of the pooled branches; a padding of half the kernel lets them run on a 1x1 map."""


class DAPPM(nn.Module):
    """Five contexts, from each pixel to the whole map, each refined together with the one before it."""

    def __init__(self, c_in: int, width: int, c_out: int) -> None:
        super().__init__()
        pools = [nn.AvgPool2d(kernel, stride, kernel // 2) for kernel, stride in WINDOWS]
        self.scales = nn.ModuleList(
            [
                norm_conv(c_in, width, 1),
                *(nn.Sequential(pool, norm_conv(c_in, width, 1)) for pool in pools),
                nn.Sequential(nn.AdaptiveAvgPool2d(1), norm_conv(c_in, width, 1)),
            ]
        )
        self.processes = nn.ModuleList([norm_conv(width, width, 3) for _ in self.scales[1:]])
        self.compression = norm_conv(width * len(self.scales), c_out, 1)
        self.shortcut = norm_conv(c_in, c_out, 1)

    def forward(self, x_NCHW: Tensor) -> Tensor:
        """(N, c_in, H, W) to (N, c_out, H, W), any H and W from 1."""
        contexts = [self.scales[0](x_NCHW)]
        for scale, process in zip(self.scales[1:], self.processes, strict=True):
            wider = resize(scale(x_NCHW), like_NCHW=x_NCHW)
            contexts.append(process(wider + contexts[-1]))
        return self.compression(torch.cat(contexts, dim=1)) + self.shortcut(x_NCHW)
