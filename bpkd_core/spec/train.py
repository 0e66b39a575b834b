"""One network's schedule. Defaults are those of the BPKD authors' Cityscapes runs."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from bpkd_core.spec.section import Section

ClassWeights = tuple[Annotated[float, Field(ge=0, le=1e6)], ...]


class HardPixels(Section):
    """Online hard example mining (Shrivastava et al. 2016, for pixels): the others are left out of the cross-entropy.

    A pixel is hard while the probability of its class is below `threshold`; of each image at least `min_kept` count.
    """

    threshold: float = Field(default=0.7, gt=0, le=1)
    min_kept: int = Field(default=100_000, ge=1, le=100_000_000, description="labelled pixels an image, the hardest")


class Train(Section):
    """One network's schedule and recipe."""

    steps: int = Field(default=80_000, ge=1, le=10_000_000, description="optimizer steps")
    batch_size: int = Field(
        default=8, ge=1, le=1024, description="images of an optimizer step, over all passes and all GPUs"
    )
    accumulate: int = Field(
        default=1, ge=1, le=1024, description="passes of a step, each with its part of the batch: less memory"
    )
    crop: tuple[int, int] = Field(
        default=(512, 1024), description="height and width of a training crop, multiples of 32"
    )
    resize: tuple[int, int] | None = Field(
        default=None, description="long and short side that each image is first fitted into, its shape kept"
    )
    scale: tuple[float, float] = Field(default=(0.5, 2.0), description="range of the random resize before the crop")
    cat_max_ratio: float = Field(
        default=0.75, gt=0, le=1, description="the most that one class may cover of a crop, if a few draws avoid it"
    )
    flip: float = Field(default=0.5, ge=0, le=1, description="probability of a horizontal flip")
    photometric: float = Field(default=1.0, ge=0, le=1, description="strength of the colour distortion; 0 is none")
    input_downscale: Literal[1, 2, 4] = Field(
        default=1, description="the network sees images reduced by this factor, in training and when it is served"
    )
    optimizer: Literal["sgd", "adamw"] = "sgd"
    lr: float = Field(default=0.01, gt=0, le=10)
    min_lr: float = Field(default=1e-4, ge=0, le=10)
    momentum: float = Field(default=0.9, ge=0, lt=1)
    weight_decay: float = Field(default=5e-4, ge=0, le=1)
    head_lr_multiplier: float = Field(
        default=1.0, gt=0, le=1000, description="rate of all that is not backbone, as a multiple of lr"
    )
    schedule: Literal["poly", "cosine"] = "poly"
    poly_power: float = Field(default=0.9, gt=0, le=10)
    warmup_steps: int = Field(default=0, ge=0, le=1_000_000)
    clip_grad_norm: float | None = Field(default=None, gt=0, le=1e6)
    aux_weight: float = Field(default=0.4, ge=0, le=100, description="weight of the auxiliary heads' cross-entropy")
    class_weights: Annotated[ClassWeights, Field(min_length=1, max_length=65_536)] | Literal["balanced"] | None = Field(
        default=None, description="of the cross-entropy, one a class; balanced: one over the class's share of pixels"
    )
    ohem: HardPixels | None = Field(default=None, description="cross-entropy of the hardest pixels only")
    distill_warmup_steps: int = Field(
        default=0, ge=0, le=1_000_000, description="steps over which the method's weight rises"
    )
    precision: Literal["auto", "fp32", "bf16", "fp16"] = "auto"
    compile: bool = Field(
        default=False,
        description="let torch compile the network, if `bpkd bench training --compile` says so; needs a C++ compiler",
    )
    ema: float | None = Field(
        default=None, gt=0, lt=1, description="decay of a running mean of the weights, which is then what is served"
    )
    select: Literal["last", "best"] = Field(
        default="last", description="the weights to export: of the last step, or of the best val mIoU"
    )
    loader_workers: int = Field(default=0, ge=0, le=64)
    seed: int = Field(default=0, ge=0, lt=2**31)
    eval_every: int = Field(
        default=2_000, ge=1, le=10_000_000, description="steps between evaluations on the val split"
    )
    checkpoint_every: int = Field(
        default=500, ge=1, le=10_000_000, description="steps between checkpoints: the most a crash costs"
    )

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if any(side % 32 or not 32 <= side <= 4096 for side in self.crop):
            raise ValueError(f"crop is {list(self.crop)}; expected multiples of 32 from 32 to 4096, such as [256, 512]")
        low, high = self.scale
        if not 0.1 <= low <= high <= 10:
            raise ValueError(
                f"scale is {list(self.scale)}; expected two rising factors from 0.1 to 10, such as [0.5, 2.0]"
            )
        if self.resize and not 32 <= self.resize[1] <= self.resize[0] <= 16_384:
            raise ValueError(
                f"resize is {list(self.resize)}; expected the long side, then the short one, from 32 to 16384"
            )
        if self.min_lr > self.lr:
            raise ValueError(f"min_lr is {self.min_lr:g}, above lr {self.lr:g}; expected it at or below lr")
        if self.accumulate > self.batch_size:
            raise ValueError(
                f"accumulate is {self.accumulate}, above batch_size {self.batch_size}; expected an image a pass"
            )
        for name in ("warmup_steps", "distill_warmup_steps"):
            if getattr(self, name) >= self.steps:
                raise ValueError(
                    f"{name} is {getattr(self, name)}, of {self.steps} steps; expected fewer, or the warm-up never ends"
                )
        if isinstance(self.class_weights, tuple) and not any(self.class_weights):
            raise ValueError("class_weights are all 0; expected at least one above 0, or null")
        return self


SHORT = 10
"""A short control takes this part of the student's steps."""


def shortened(plan: Train) -> Train:
    """The schedule of a short control: a tenth of the steps, and of what is counted in them."""
    counted = ("warmup_steps", "distill_warmup_steps")
    fewer = {name: getattr(plan, name) // SHORT for name in counted}
    return plan.model_copy(update={"steps": -(-plan.steps // SHORT), **fewer})
