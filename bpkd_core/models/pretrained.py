"""Backbones that others trained, under the names that OpenMMLab and we give their weights.

Only exact matches are translated: the same layers in the same order, so that every weight means what it meant there.
A ResNet with another stem or other shortcuts has the same keys nearly everywhere, and is refused by name.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from bpkd_core.errors import InvalidCheckpoint
from bpkd_core.models import mobilenet, swin
from bpkd_core.models.mobilenet import MobileNetV2
from bpkd_core.models.resnet import ResNet
from bpkd_core.models.swin import SwinT

Weights = Mapping[str, Tensor]


def translate_backbone(backbone: nn.Module, weights: Weights, file: str) -> Weights:
    """Weights by our names, for the backbone that they are for; what is not understood is left as it is.

    Raises InvalidCheckpoint, naming `file`, for a network that only looks like this one.
    """
    if isinstance(backbone, ResNet):
        require_v1c(weights, file)
        return {
            re.sub(r"^bn1\.", "stem.7.", re.sub(r"^conv1\.(\d)\.", r"stem.\1.", key)): weights[key] for key in weights
        }
    if isinstance(backbone, MobileNetV2):
        return {mobilenet_key(key): value for key, value in weights.items()}
    if isinstance(backbone, SwinT):
        return swin_weights(weights)
    return weights


WANTED = {
    ResNet: "a ResNetV1c, such as OpenMMLab's resnet18_v1c or timm's resnet101c",
    MobileNetV2: "a MobileNetV2 of width 1, such as torchvision's mobilenet_v2 or timm's mobilenetv2_100",
    SwinT: "a Swin-T with windows of 7, such as torchvision's swin_t or timm's swin_tiny_patch4_window7_224",
}


def require_file(backbone: nn.Module, path: Path) -> None:
    """Raise InvalidCheckpoint that says which weights to put where, unless there is a file."""
    if not path.is_file():
        wanted = WANTED.get(type(backbone), "weights of this backbone under its own names or OpenMMLab's")
        raise InvalidCheckpoint(
            f'There is no file "{path}" to start the backbone from; put {wanted}, there as .safetensors or a '
            "state_dict, or leave pretrained out to start from random weights.",
            param="pretrained",
        )


def require_v1c(weights: Weights, file: str) -> None:
    """Refuse a ResNet with one 7x7 convolution as its stem, and one that pools in its shortcuts."""
    stem = weights.get("conv1.weight")
    if stem is not None and stem.shape[-1] == 7:
        raise InvalidCheckpoint(
            f"\"{file}\" holds a ResNet whose stem is one 7x7 convolution (V1b, as torchvision's); this network's "
            "stem is three 3x3 convolutions: expected a V1c, such as OpenMMLab's resnet18_v1c or timm's resnet50c."
        )
    if any(key.endswith("downsample.1.weight") and value.ndim == 4 for key, value in weights.items()):
        raise InvalidCheckpoint(
            f'"{file}" holds a ResNet that pools in its shortcuts (V1d); this network\'s stride: expected weights of a '
            "V1c, such as OpenMMLab's resnet18_v1c or timm's resnet50c."
        )


BLOCKS = tuple((stage + 1, block) for stage, row in enumerate(mobilenet.STAGES) for block in range(row[2]))
"""The stage and index of MobileNetV2's blocks, which torchvision counts through."""

TIMM = {
    "conv_pw": (0, "conv"),
    "bn1": (0, "bn"),
    "conv_dw": (1, "conv"),
    "bn2": (1, "bn"),
    "conv_pwl": (2, "conv"),
    "bn3": (2, "bn"),
}
TIMM_FIRST = {"conv_dw": (0, "conv"), "bn1": (0, "bn"), "conv_pw": (1, "conv"), "bn2": (1, "bn")}
"""Step and layer inside a block by timm's names; the first stage's block does not expand."""


def mobilenet_key(key: str) -> str:
    """The name of a weight of MobileNetV2 in torchvision or timm to ours."""
    if found := re.fullmatch(r"features\.0\.([01])\.(\w+)", key):
        return f"conv1.{('conv', 'bn')[int(found[1])]}.{found[2]}"
    if found := re.fullmatch(r"features\.(\d+)\.conv\.(\d)(?:\.(\d))?\.(\w+)", key):
        stage, block = BLOCKS[int(found[1]) - 1]
        last = 1 if stage == 1 else 2  # the projection has no wrapper of its own: its norm is counted through
        step = min(int(found[2]), last)
        layer = int(found[3]) if found[3] else int(found[2]) - last
        return f"layer{stage}.{block}.conv.{step}.{('conv', 'bn')[layer]}.{found[4]}"
    if found := re.fullmatch(r"(conv_stem|bn1)\.(\w+)", key):
        return f"conv1.{'bn' if found[1] == 'bn1' else 'conv'}.{found[2]}"
    if found := re.fullmatch(r"blocks\.(\d)\.(\d)\.(\w+)\.(\w+)", key):
        step, layer = (TIMM if found[1] != "0" else TIMM_FIRST).get(found[3], (0, found[3]))
        return f"layer{int(found[1]) + 1}.{found[2]}.conv.{step}.{layer}.{found[4]}"
    return key


SWIN = (
    (r"^features\.0\.0\.", "patch_embed.projection."),
    (r"^features\.0\.2\.", "patch_embed.norm."),
    (r"^features\.([1357])\.(\d)\.", lambda found: f"stages.{int(found[1]) // 2}.blocks.{found[2]}."),
    (r"^features\.([246])\.", lambda found: f"stages.{int(found[1]) // 2 - 1}.downsample."),
    (r"^patch_embed\.proj\.", "patch_embed.projection."),
    (r"^layers\.", "stages."),
    (r"\.attn\.(?=qkv|proj|relative)", ".attn.w_msa."),
    (r"\.mlp\.(fc1|0)\.", ".ffn.layers.0.0."),
    (r"\.mlp\.(fc2|3)\.", ".ffn.layers.1."),
)


def swin_weights(weights: Weights) -> Weights:
    """The original's, timm's and torchvision's weights of Swin-T as ours.

    They put the four neighbours that are merged in another order. timm counts a reduction to the stage behind it. A
    classifier has no norms for the maps that leave the stages: those start as the identity.
    """
    if "stages.0.blocks.0.attn.w_msa.qkv.weight" not in weights:
        behind = "layers.3.downsample.reduction.weight" in weights
        weights = {_swin_key(key, behind): _merged(key, value) for key, value in weights.items() if "_index" not in key}
    if "patch_embed.projection.weight" not in weights:
        return weights
    identity = {}
    for index, width in enumerate(swin.WIDTHS):
        identity |= {f"norm{index}.weight": torch.ones(width), f"norm{index}.bias": torch.zeros(width)}
    return {**identity, **weights}


def _swin_key(key: str, behind: bool) -> str:
    if behind:
        key = re.sub(r"^layers\.(\d)\.downsample", lambda found: f"layers.{int(found[1]) - 1}.downsample", key)
    for pattern, replacement in SWIN:
        key = re.sub(pattern, replacement, key)
    return key


def _merged(key: str, value: Tensor) -> Tensor:
    """Theirs is column, row, channel; ours is channel, row, column."""
    if not re.search(r"downsample\.|^features\.[246]\.", key):
        return value
    return value.unflatten(-1, (2, 2, -1)).movedim((-3, -2, -1), (-1, -2, -3)).flatten(-3)
