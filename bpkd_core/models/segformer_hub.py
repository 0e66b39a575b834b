"""SegFormer's weights under the names of the transformers hub, to those of OpenMMLab and ours.

The hub's files have one set of names, the transformers library (5.23) another in memory; both are understood.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import torch
from torch import Tensor

RENAMES = (
    (r"^segformer\.", "backbone."),
    (r"encoder\.patch_embeddings\.(\d)|stages\.(\d)\.patch_embeddings", r"layers.\1\2.0"),
    (r"encoder\.block\.(\d)|stages\.(\d)\.blocks", r"layers.\1\2.1"),
    (r"encoder\.layer_norm\.(\d)|stages\.(\d)\.layer_norm", r"layers.\1\2.2"),
    (r"(layers\.\d\.0)\.proj\.", r"\1.projection."),
    (r"(layers\.\d\.0)\.layer_norm\.", r"\1.norm."),
    (r"layer_norm_1|layernorm_before", "norm1"),
    (r"layer_norm_2|layernorm_after", "norm2"),
    (r"attention\.self\.sr|attention\.sequence_reduction\.sequence_reduction", "attn.sr"),
    (r"attention\.(self|sequence_reduction)\.layer_norm", "attn.norm"),
    (r"attention\.(output\.dense|o_proj)", "attn.attn.out_proj"),
    (r"mlp\.(dense1|fc1)", "ffn.layers.0"),
    (r"mlp\.dwconv\.dwconv", "ffn.layers.1"),
    (r"mlp\.(dense2|fc2)", "ffn.layers.4"),
    (r"attention\.(self\.query|q_proj)", "attn.attn.query"),
    (r"attention\.(self\.key|k_proj)", "attn.attn.key"),
    (r"attention\.(self\.value|v_proj)", "attn.attn.value"),
    (r"decode_head\.(linear_c|linear_projections)\.(\d)\.proj", r"decode_head.convs.\2"),
    (r"decode_head\.batch_norm", "decode_head.fusion_conv.bn"),
    (r"decode_head\.classifier", "decode_head.conv_seg"),
)
LINEAR = re.compile(r"ffn\.layers\.[04]\.weight$|decode_head\.convs\.\d\.weight$")
"""Matrices there, 1x1 kernels here."""

MIXING = "decode_head.linear_fuse.weight"
"""There the stages come coarsest first, here finest first."""

STAGES = 4


def from_hub(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Weights of a network or its encoder under OpenMMLab's names; what already has them stays as it is."""
    renamed = {_rename(key): value for key, value in weights.items()}
    if MIXING in renamed:
        by_stage = renamed.pop(MIXING).chunk(STAGES, dim=1)
        renamed["decode_head.fusion_conv.conv.weight"] = torch.cat(by_stage[::-1], dim=1)
    for query in [key for key in renamed if ".attn.attn.query." in key]:
        three = [query.replace("query", each) for each in ("query", "key", "value")]
        if all(key in renamed for key in three):
            joined = torch.cat([renamed.pop(key) for key in three])
            renamed[query.replace("query.", "in_proj_")] = joined
    return {key: _as_kernel(value) if LINEAR.search(key) else value for key, value in renamed.items()}


def _rename(key: str) -> str:
    for pattern, replacement in RENAMES:
        key = re.sub(pattern, replacement, key)
    return key


def _as_kernel(weight: Tensor) -> Tensor:
    return weight[:, :, None, None] if weight.ndim == 2 else weight
