"""The distillation methods and their options. Defaults are the papers' (see bpkd_core/methods)."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from bpkd_core.spec.section import Section


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


class BoundaryPrivilegedKD(Section):
    """BPKD (Liu et al. 2024): edges and bodies distilled apart. Defaults as in the paper."""

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


Method = Annotated[NoDistillation | PixelKD | ChannelWiseKD | BoundaryPrivilegedKD, Field(discriminator="type")]
