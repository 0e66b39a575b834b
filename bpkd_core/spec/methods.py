"""The distillation methods and their options. Defaults are the papers' (see bpkd_core/methods)."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import AfterValidator, ConfigDict, Discriminator, Field, Tag, model_validator

from bpkd_core import catalog
from bpkd_core.spec.section import Section


class Weighted(Section):
    """A method of several terms: at least one of the `weights` is above 0."""

    weights: ClassVar[tuple[str, ...]]

    @model_validator(mode="after")
    def _some_weight(self) -> Self:
        if not any(getattr(self, name) for name in self.weights):
            raise ValueError(f'{" and ".join(self.weights)} are all 0; for no distillation use the method "none"')
        return self


class NoDistillation(Section):
    """Cross-entropy only: the control."""

    type: Literal["none"] = "none"


class PixelKD(Section):
    """Per-pixel knowledge distillation (Hinton et al. 2015)."""

    type: Literal["kd"] = "kd"
    temperature: float = Field(default=2.0, gt=0, le=100)
    weight: float = Field(default=1.0, ge=0, le=1e6)


class ChannelWiseKD(Section):
    """Channel-wise distillation (Shu et al. 2021)."""

    type: Literal["cwd"] = "cwd"
    temperature: float = Field(default=4.0, gt=0, le=100)
    weight: float = Field(default=3.0, ge=0, le=1e6)


class BoundaryPrivilegedKD(Weighted):
    """BPKD (Liu et al. 2024): edges and bodies distilled apart. Defaults as in the paper."""

    weights = ("lambda_edge", "lambda_body")

    type: Literal["bpkd"] = "bpkd"
    edge_width_px: int = Field(default=7, ge=1, le=99, description="side of the square window that makes an edge, odd")
    temperature_edge: float = Field(default=1.0, gt=0, le=100)
    temperature_body: float = Field(default=1.0, gt=0, le=100)
    alpha: float = Field(default=2.0, ge=0, le=1e6, description="weight of each class inside the edge loss")
    lambda_edge: float = Field(default=50.0, ge=0, le=1e6)
    lambda_body: float = Field(default=20.0, ge=0, le=1e6)
    pre_mask: Literal["multiply", "off"] = "multiply"
    post_mask: bool = True
    edge_norm: Literal["class_sum", "class_mean", "pixels"] = "class_sum"
    center: bool = Field(default=False, description="subtract each pixel's mean logit before the masks")
    void: Literal["transparent", "as_class"] = "transparent"

    @model_validator(mode="after")
    def _odd_width(self) -> Self:
        if self.edge_width_px % 2 == 0:
            found = self.edge_width_px
            raise ValueError(f"edge_width_px is {found}; expected an odd number, such as {found + 1}")
        return self


class StructuredKD(Weighted):
    """Structured distillation (Liu et al. 2019): pixels and pairs of regions, without the adversarial term."""

    weights = ("lambda_pixel", "lambda_pair")

    type: Literal["skd"] = "skd"
    lambda_pixel: float = Field(default=10.0, ge=0, le=1e6)
    lambda_pair: float = Field(default=10.0, ge=0, le=1e6)
    node_cells: int = Field(default=2, ge=1, le=64, description="side of the square of feature cells that makes a node")


class IntraClassVariationKD(Weighted):
    """Intra-class feature variation distillation (Wang et al. 2020), without the adversarial term."""

    weights = ("lambda_pixel", "lambda_variation")

    type: Literal["ifvd"] = "ifvd"
    lambda_pixel: float = Field(default=10.0, ge=0, le=1e6)
    lambda_variation: float = Field(default=200.0, ge=0, le=1e6)


class CrossImageKD(Weighted):
    """Cross-image relational distillation (Yang et al. 2022)."""

    weights = ("lambda_kd", "lambda_batch", "lambda_pixel", "lambda_region")

    type: Literal["cirkd"] = "cirkd"
    lambda_kd: float = Field(default=1.0, ge=0, le=1e6)
    lambda_batch: float = Field(default=1.0, ge=0, le=1e6)
    lambda_pixel: float = Field(default=0.1, ge=0, le=1e6)
    lambda_region: float = Field(default=0.1, ge=0, le=1e6)
    temperature: float = Field(default=0.1, gt=0, le=100)
    pixel_memory: int = Field(
        default=20_000, ge=1, le=1_000_000, description="pixels kept per class; each takes 2 bytes a channel"
    )
    region_memory: int = Field(default=2_000, ge=1, le=1_000_000, description="regions kept per class")
    pixel_samples: int = Field(default=4_096, ge=1, le=1_000_000, description="pixels drawn from memory each step")
    region_samples: int = Field(default=1_024, ge=1, le=1_000_000, description="regions drawn from memory each step")
    pixels_per_class: int = Field(default=16, ge=1, le=100_000, description="pixels stored per class and image")


class RelationalKD(Weighted):
    """DIST (Huang et al. 2022): correlations over classes and over pixels."""

    weights = ("beta", "gamma")

    type: Literal["dist"] = "dist"
    beta: float = Field(default=1.0, ge=0, le=1e6, description="weight of the correlation over classes")
    gamma: float = Field(default=1.0, ge=0, le=1e6, description="weight of the correlation over pixels")
    temperature: float = Field(default=1.0, gt=0, le=100)


class MaskedGenerativeKD(Section):
    """Masked generative distillation (Yang et al. 2022) of features."""

    type: Literal["mgd"] = "mgd"
    weight: float = Field(default=2e-5, ge=0, le=1e6, description="of a sum over cells and channels")
    mask_ratio: float = Field(default=0.75, ge=0, lt=1, description="share of the cells that is hidden")


BuiltIn = (
    Annotated[NoDistillation, Tag("none")]
    | Annotated[PixelKD, Tag("kd")]
    | Annotated[ChannelWiseKD, Tag("cwd")]
    | Annotated[BoundaryPrivilegedKD, Tag("bpkd")]
    | Annotated[StructuredKD, Tag("skd")]
    | Annotated[IntraClassVariationKD, Tag("ifvd")]
    | Annotated[CrossImageKD, Tag("cirkd")]
    | Annotated[RelationalKD, Tag("dist")]
    | Annotated[MaskedGenerativeKD, Tag("mgd")]
)
NAMES = tuple(catalog.METHODS)
PLUG_IN = "plug-in"
Option = bool | int | float | Annotated[str, Field(max_length=200)] | None


def _installed(name: str) -> str:
    return catalog.require("methods", name, param="method.type")


class PluginMethod(Section):
    """A method of another package, by its name in the entry-point group `bpkd.methods`, with its options beside it.

    The options are compared with the plug-in's own when the run begins: looking at them here would import it, and
    torch with it.
    """

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, Option] = Field(init=False)  # pyright: ignore[reportIncompatibleVariableOverride]  # pydantic asks for it

    type: Annotated[str, AfterValidator(_installed)] = Field(
        max_length=100, pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.:-]*$", json_schema_extra={"not": {"enum": [*NAMES]}}
    )


def _which(method: Any) -> str:
    """The tag of a section: the method's name, or that it is none of ours."""
    name = method.get("type") if isinstance(method, dict) else getattr(method, "type", None)  # pyright: ignore[reportUnknownVariableType, reportUnknownMemberType]  # JSON
    return name if isinstance(name, str) and name in NAMES else PLUG_IN


Method = Annotated[BuiltIn | Annotated[PluginMethod, Tag(PLUG_IN)], Discriminator(_which)]
