"""DeepLabV3+ on both backbones: dilations that no key shows, and images of any size."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from bpkd_core.models import build
from bpkd_core.models.base import Outputs
from bpkd_core.models.deeplab import SeparableASPPHead
from bpkd_core.models.mobilenet import MobileNetV2


def test_only_the_first_block_of_a_stage_strides_or_dilates() -> None:
    """Dilation leaves no trace in keys or counts: weights would load, and score a few points too low."""
    with torch.device("meta"):
        net = MobileNetV2()
    wide = [(key.split(".")[0], m.dilation[0], m.stride[0]) for key, m in net.named_modules() if _is_depthwise(m)]
    firsts = {stage: wide[[name for name, *_ in wide].index(stage)][1:] for stage, *_ in wide}
    assert list(firsts.values()) == [(1, 1), (1, 2), (1, 2), (2, 1), (2, 1), (4, 1), (4, 1)]
    assert sum(dilation > 1 or stride > 1 for _, dilation, stride in wide) == 6


def test_contexts_dilate_by_12_24_and_36() -> None:
    """At output stride 8 these are the rates; halved ones would load the same weights."""
    with torch.device("meta"):
        head = SeparableASPPHead(8, 4, 3)
    assert [m.dilation[0] for m in head.aspp_modules.modules() if _is_depthwise(m)] == [12, 24, 36]


@pytest.mark.parametrize("size", [(33, 65), (1, 7)])
def test_any_size_trains_and_shows_features_at_a_quarter(size: tuple[int, int]) -> None:
    """One image alone pools to a single value a channel, and odd sides round up in three places."""
    net = build("deeplabv3plus_mv2", num_classes=3).train()
    outputs = net(torch.randn(1, 3, *size))
    assert isinstance(outputs, Outputs)
    quarter, eighth = (tuple(-(-side // stride) for side in size) for stride in (4, 8))
    assert outputs.logits.shape == (1, 3, *quarter)
    assert outputs.features is not None
    assert outputs.features.shape == (1, net.feature_channels, *quarter)
    assert [tuple(aux.shape) for aux in outputs.aux] == [(1, 3, *eighth)]
    sum(logits.square().sum() for logits in (outputs.logits, *outputs.aux)).backward()
    assert [key for key, p in net.named_parameters() if p.grad is None] == []


def _is_depthwise(module: nn.Module) -> bool:
    return isinstance(module, nn.Conv2d) and module.groups > 1
