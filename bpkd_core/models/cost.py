"""What a network costs: numbers that it holds, operations that an image takes."""

from __future__ import annotations

import torch
from torch.utils.flop_counter import FlopCounterMode

from bpkd_core.models.base import SegmentationNet


def count_parameters(net: SegmentationNet) -> int:
    """Learnable parameters of what is served: auxiliary heads do not count."""
    return sum(p.numel() for name, p in net.named_parameters() if not name.startswith(net.auxiliary))


def count_gflops(net: SegmentationNet, hw: tuple[int, int]) -> float:
    """Thousand million floating-point operations (two a multiply-add) for one image of this size."""
    with torch.inference_mode(), FlopCounterMode(display=False) as flops:
        net.eval()(torch.zeros(1, 3, *hw))
    return flops.get_total_flops() / 1e9
