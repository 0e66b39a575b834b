"""SegFormer (arXiv 2105.15203) through the transformers library, whose key names these are; nothing is downloaded."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from transformers import SegformerConfig, SegformerForSemanticSegmentation
from transformers.models.segformer.modeling_segformer import SegformerDecodeHead

from bpkd_core.models.base import Outputs, SegmentationNet
from bpkd_core.models.blocks import resize

NARROW, WIDE = (32, 64, 160, 256), (64, 128, 320, 512)


class AllMLPHead(SegformerDecodeHead):
    """The library's layers, with what the classifier takes shown beside the logits (section 3.2)."""

    def score(self, stages: tuple[Tensor, ...]) -> tuple[Tensor, Tensor]:
        """Maps (N, C_i, h_i, w_i), finest first, to logits (N, C, h, w) and features (N, head, h, w)."""
        maps = [
            resize(project(stage).transpose(1, 2).unflatten(2, stage.shape[2:]), like_NCHW=stages[0])
            for project, stage in zip(self.linear_projections, stages, strict=True)
        ]
        features = self.activation(self.batch_norm(self.linear_fuse(torch.cat(maps[::-1], dim=1))))
        return self.classifier(self.dropout(features)), features


class SegFormer(SegmentationNet):
    """A MiT encoder of four stages and an all-MLP head; no auxiliary head.

    channels and depths: of the four stages; head: channels of the head. Images of 32 pixels a side and more.
    """

    backbone_prefix = "segformer."

    def __init__(self, num_classes: int, *, channels: tuple[int, ...], depths: tuple[int, ...], head: int) -> None:
        super().__init__(num_classes, stride=4, feature_channels=head)
        config = SegformerConfig(hidden_sizes=list(channels), depths=list(depths), decoder_hidden_size=head)
        config.num_labels = num_classes
        network = SegformerForSemanticSegmentation(config)
        self.segformer, self.decode_head = network.segformer, AllMLPHead(config)
        self.decode_head.load_state_dict(network.decode_head.state_dict())  # as the library starts them
        _initialise(self.segformer)

    def score(self, images_NCHW: Tensor) -> Outputs:
        """(N, 3, H, W) to logits (N, C, ceil(H / 4), ceil(W / 4))."""
        stages = self.segformer(images_NCHW, output_hidden_states=True).hidden_states
        logits, features = self.decode_head.score(stages)
        return Outputs(logits, features=features)


def segformer_b0(num_classes: int) -> SegmentationNet:
    """SegFormer-B0, 3.7 M parameters."""
    return SegFormer(num_classes, channels=NARROW, depths=(2, 2, 2, 2), head=256)


def segformer_b1(num_classes: int) -> SegmentationNet:
    """SegFormer-B1, 13.7 M parameters."""
    return SegFormer(num_classes, channels=WIDE, depths=(2, 2, 2, 2), head=256)


def segformer_b2(num_classes: int) -> SegmentationNet:
    """SegFormer-B2, 27.4 M parameters."""
    return SegFormer(num_classes, channels=WIDE, depths=(3, 4, 6, 3), head=768)


def segformer_b3(num_classes: int) -> SegmentationNet:
    """SegFormer-B3, 47.2 M parameters."""
    return SegFormer(num_classes, channels=WIDE, depths=(3, 4, 18, 3), head=768)


def segformer_b4(num_classes: int) -> SegmentationNet:
    """SegFormer-B4, 64.0 M parameters."""
    return SegFormer(num_classes, channels=WIDE, depths=(3, 8, 27, 3), head=768)


def segformer_b5(num_classes: int) -> SegmentationNet:
    """SegFormer-B5, 84.6 M parameters."""
    return SegFormer(num_classes, channels=WIDE, depths=(3, 6, 40, 3), head=768)


def _initialise(encoder: nn.Module) -> None:
    """Kaiming-normal convolutions counting each group's own fan out, for training from scratch.

    The library starts every one of them at a deviation of 0.02, which all but mutes the 3x3 depth-wise ones: theirs
    is sqrt(2 / 9).
    """
    for module in encoder.modules():
        if isinstance(module, nn.Conv2d):
            fan_out = module.out_channels // module.groups * math.prod(module.kernel_size)
            nn.init.normal_(module.weight, std=math.sqrt(2 / fan_out))
