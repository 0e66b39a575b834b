"""The distillation methods by name."""

from __future__ import annotations

from collections.abc import Mapping

from bpkd_core.catalog.plugin import Plugin

METHODS: Mapping[str, Plugin] = {
    "none": Plugin("bpkd_core.methods.none:NoDistillation", "Cross-entropy only: the control", needs=("labels",)),
    "kd": Plugin(
        "bpkd_core.methods.kd:PixelKD",
        "Per-pixel knowledge distillation",
        "arXiv 1503.02531",
        needs=("logits",),
    ),
    "cwd": Plugin(
        "bpkd_core.methods.cwd:ChannelWiseKD",
        "Channel-wise distillation",
        "arXiv 2011.13256",
        needs=("logits",),
    ),
    "bpkd": Plugin(
        "bpkd_core.methods.bpkd:BoundaryPrivilegedKD",
        "Boundary-privileged distillation: edges and bodies apart",
        "arXiv 2306.08075",
        needs=("logits", "labels"),
    ),
    "skd": Plugin(
        "bpkd_core.methods.skd:StructuredKD",
        "Structured distillation: pixels, and pairs of regions",
        "arXiv 1903.04197",
        needs=("logits", "features"),
    ),
    "ifvd": Plugin(
        "bpkd_core.methods.ifvd:IntraClassVariationKD",
        "Intra-class feature variation distillation",
        "ECCV 2020, Wang et al.",
        needs=("logits", "features", "labels"),
    ),
    "cirkd": Plugin(
        "bpkd_core.methods.cirkd:CrossImageKD",
        "Cross-image relational distillation, with a memory of pixels and regions",
        "arXiv 2204.06986",
        needs=("logits", "features", "labels"),
    ),
    "dist": Plugin(
        "bpkd_core.methods.dist:RelationalKD",
        "Correlations over classes and over pixels",
        "arXiv 2205.10536",
        needs=("logits",),
    ),
    "mgd": Plugin(
        "bpkd_core.methods.mgd:MaskedGenerativeKD",
        "Masked generative distillation of features",
        "arXiv 2205.01529",
        needs=("features",),
    ),
}
