"""What can be named in a job: one literal table per kind, `name -> "module:attribute"`, loaded on first use.

Importing this module imports no torch, so the API can list names, papers and parameter counts without it. A package
outside this repository joins through the entry-point group of the same kind (`bpkd.methods`, `bpkd.models`,
`bpkd.datasets`); a built-in name always wins over an entry point. A network's name may also begin with the prefix of
an adapter (`smp:fpn/resnet18`): what stands behind the colon is the other library's name, known only to it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Literal

from bpkd_core.errors import InvalidSpec, UnknownName

Kind = Literal["methods", "models", "datasets"]
WORD: Mapping[Kind, str] = {"methods": "method", "models": "network", "datasets": "dataset layout"}


@dataclass(frozen=True)
class Plugin:
    """One row: where the code is and what can be said of it without importing it.

    params_m: learnable parameters in millions with 19 classes and without the auxiliary head; gmacs: multiply-adds of
    one 360x480 image in thousand millions. Both are for networks only and a test compares them with the code.
    """

    target: str
    title: str
    paper: str = ""
    needs: tuple[Literal["logits", "features", "labels"], ...] = ()
    params_m: float | None = None
    gmacs: float | None = None
    stride: int | None = None
    licence: str = "Apache-2.0"


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

MODELS: Mapping[str, Plugin] = {
    "pspnet_r18": Plugin(
        "bpkd_core.models.pspnet:pspnet_r18",
        "PSPNet, ResNetV1c-18, output stride 8",
        "arXiv 1612.01105",
        params_m=12.64,
        gmacs=35.76,
        stride=8,
    ),
    "pspnet_r101": Plugin(
        "bpkd_core.models.pspnet:pspnet_r101",
        "PSPNet, ResNetV1c-101, output stride 8",
        "arXiv 1612.01105",
        params_m=65.6,
        gmacs=168.77,
        stride=8,
    ),
    "hrnet_w18s": Plugin(
        "bpkd_core.models.hrnet:hrnet_w18s",
        "HRNetV2-W18-small, FCN head",
        "arXiv 1908.07919",
        params_m=3.94,
        gmacs=6.37,
        stride=4,
    ),
    "hrnet_w48": Plugin(
        "bpkd_core.models.hrnet:hrnet_w48",
        "HRNetV2-W48, FCN head",
        "arXiv 1908.07919",
        params_m=65.86,
        gmacs=62.32,
        stride=4,
    ),
    "isanet_r18": Plugin(
        "bpkd_core.models.isanet:isanet_r18",
        "ISANet, ResNetV1c-18, output stride 8",
        "arXiv 1907.12273",
        params_m=12.28,
        gmacs=35.78,
        stride=8,
    ),
    "isanet_r101": Plugin(
        "bpkd_core.models.isanet:isanet_r101",
        "ISANet, ResNetV1c-101, output stride 8",
        "arXiv 1907.12273",
        params_m=54.33,
        gmacs=150.49,
        stride=8,
    ),
    "deeplabv3plus_mv2": Plugin(
        "bpkd_core.models.deeplab:deeplabv3plus_mv2",
        "DeepLabV3+, MobileNetV2, output stride 8, separable",
        "arXiv 1802.02611",
        params_m=15.02,
        gmacs=44.85,
        stride=4,
    ),
    "deeplabv3plus_r101": Plugin(
        "bpkd_core.models.deeplab:deeplabv3plus_r101",
        "DeepLabV3+, ResNetV1c-101, output stride 8, separable",
        "arXiv 1802.02611",
        params_m=60.22,
        gmacs=167.26,
        stride=4,
    ),
    "upernet_swin_t": Plugin(
        "bpkd_core.models.upernet:upernet_swin_t",
        "UPerNet, Swin-T, windows of 7",
        "arXiv 1807.10221, 2103.14030",
        params_m=58.95,
        gmacs=156.44,
        stride=4,
    ),
    "segformer_b0": Plugin(
        "bpkd_core.models.segformer:segformer_b0",
        "SegFormer MiT-B0",
        "arXiv 2105.15203",
        params_m=3.72,
        gmacs=4.96,
        stride=4,
    ),
    "segformer_b1": Plugin(
        "bpkd_core.models.segformer:segformer_b1",
        "SegFormer MiT-B1",
        "arXiv 2105.15203",
        params_m=13.68,
        gmacs=9.75,
        stride=4,
    ),
    "segformer_b2": Plugin(
        "bpkd_core.models.segformer:segformer_b2",
        "SegFormer MiT-B2",
        "arXiv 2105.15203",
        params_m=27.36,
        gmacs=39.33,
        stride=4,
    ),
    "segformer_b3": Plugin(
        "bpkd_core.models.segformer:segformer_b3",
        "SegFormer MiT-B3",
        "arXiv 2105.15203",
        params_m=47.24,
        gmacs=49.99,
        stride=4,
    ),
    "segformer_b4": Plugin(
        "bpkd_core.models.segformer:segformer_b4",
        "SegFormer MiT-B4",
        "arXiv 2105.15203",
        params_m=64.01,
        gmacs=60.46,
        stride=4,
    ),
    "segformer_b5": Plugin(
        "bpkd_core.models.segformer:segformer_b5",
        "SegFormer MiT-B5",
        "arXiv 2105.15203",
        params_m=84.61,
        gmacs=70.78,
        stride=4,
    ),
    "ddrnet_23": Plugin(
        "bpkd_core.models.ddrnet:ddrnet_23",
        "DDRNet-23",
        "arXiv 2101.06085",
        params_m=20.15,
        gmacs=11.97,
        stride=8,
    ),
    "ddrnet_23_slim": Plugin(
        "bpkd_core.models.ddrnet:ddrnet_23_slim",
        "DDRNet-23-slim",
        "arXiv 2101.06085",
        params_m=5.7,
        gmacs=3.04,
        stride=8,
    ),
    "ddrnet_23_nano": Plugin(
        "bpkd_core.models.ddrnet:ddrnet_23_nano",
        "DDRNet-23 at half the slim width: real time on one CPU core",
        "arXiv 2101.06085",
        params_m=1.43,
        gmacs=0.77,
        stride=8,
    ),
    "swiftnet_r18": Plugin(
        "bpkd_core.models.swiftnet:swiftnet_r18",
        "SwiftNet, ResNet-18",
        "arXiv 1903.08469",
        params_m=11.97,
        gmacs=10.32,
        stride=4,
    ),
    "swiftnet_r18_slim": Plugin(
        "bpkd_core.models.swiftnet:swiftnet_r18_slim",
        "SwiftNet, ResNet-18, half as wide",
        "arXiv 1903.08469",
        params_m=3.0,
        gmacs=2.61,
        stride=4,
    ),
    "swiftnet_r18_nano": Plugin(
        "bpkd_core.models.swiftnet:swiftnet_r18_nano",
        "SwiftNet, ResNet-18, a quarter as wide: real time on one CPU core",
        "arXiv 1903.08469",
        params_m=0.75,
        gmacs=0.66,
        stride=4,
    ),
}

DATASETS: Mapping[str, Plugin] = {
    "folder": Plugin("bpkd_core.data.layouts.folder:Folder", "The canonical one: images/, masks/ and classes.json"),
    "ade20k": Plugin("bpkd_core.data.layouts.ade20k:ADE20K", "ADE20K, 150 classes", "arXiv 1608.05442"),
    "camvid": Plugin("bpkd_core.data.layouts.camvid:CamVid", "CamVid, 11 classes: SegNet's form or the original"),
    "cityscapes": Plugin("bpkd_core.data.layouts.cityscapes:Cityscapes", "Cityscapes, 19 classes", "arXiv 1604.01685"),
    "cvat": Plugin("bpkd_core.data.layouts.cvat:CVAT", "CVAT's export Segmentation mask 1.1, classes of your own"),
    "pascal_context59": Plugin(
        "bpkd_core.data.layouts.pascal_context:PascalContext59", "Pascal Context, 59 classes without background"
    ),
    "voc": Plugin("bpkd_core.data.layouts.voc:VOC", "Pascal VOC segmentation, 21 classes with background"),
}

ADAPTERS: Mapping[str, Plugin] = {
    "hf": Plugin("bpkd_core.models.hf:build", "transformers, as hf:<folder or hub id>"),
    "smp": Plugin("bpkd_core.models.smp:build", "segmentation-models-pytorch, as smp:<architecture>/<encoder>"),
    "tv": Plugin("bpkd_core.models.tv:build", "torchvision, as tv:<name>"),
}
"""Prefix of a network's name -> a function of what follows the colon, and the number of classes."""

BUILT_IN: Mapping[Kind, Mapping[str, Plugin]] = {"methods": METHODS, "models": MODELS, "datasets": DATASETS}


def names(kind: Kind) -> list[str]:
    """Every name of a kind, built in or from an entry point, sorted."""
    return sorted({*BUILT_IN[kind], *_entry_points(kind)})


def require(kind: Kind, name: str, *, word: str | None = None, param: str | None = None) -> str:
    """Return `name` if it is known, else raise :class:`UnknownName` with the nearest known name."""
    known = names(kind)
    if name not in known and not (kind == "models" and _adapter(name)):
        raise UnknownName.among(word or WORD[kind], name, known, param=param)
    return name


def load(kind: Kind, name: str) -> Any:
    """Import and return what stands behind a name. Raises UnknownName."""
    require(kind, name)
    plugin = BUILT_IN[kind].get(name)
    if plugin:
        return _import(plugin)
    if kind == "models" and (adapter := _adapter(name)):
        return partial(_import(adapter), name.partition(":")[2])
    return _entry_points(kind)[name].load()


def _adapter(name: str) -> Plugin | None:
    prefix, colon, rest = name.partition(":")
    return ADAPTERS.get(prefix) if colon and rest else None


def _import(plugin: Plugin) -> Any:
    module, _, attribute = plugin.target.partition(":")
    return getattr(import_module(module), attribute)


def require_features(method: str, *, student: bool = True, teacher: bool = True) -> None:
    """Raise InvalidSpec if a method compares features and a network shows none, before anything is trained.

    Knows the built-in methods; one from an entry point is refused when it is built.
    """
    row = METHODS.get(method)
    if row and "features" in row.needs and not (student and teacher):
        raise features_missing(method, "teacher" if student else "student")


def features_missing(method: str, who: str) -> InvalidSpec:
    """The error for a method that compares features of a network that shows none."""
    others = [name for name, row in METHODS.items() if "features" not in row.needs and "logits" in row.needs]
    return InvalidSpec(
        f'The method "{method}" compares features, and this {who} shows class scores only, as an ONNX file does; '
        f"expected a {who} whose features are known, or one of the methods {', '.join(others)}.",
        param="method.type",
    )


def _entry_points(kind: Kind) -> dict[str, EntryPoint]:
    return {point.name: point for point in entry_points(group=f"bpkd.{kind}")}
