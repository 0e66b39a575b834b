"""How an ONNX file that somebody else made is fed, and how its answer is read."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from bpkd_core.spec.section import Section

Triple = tuple[float, float, float]
Deviation = Annotated[float, Field(gt=0, le=1e6)]
ClassMap = Annotated[dict[int, int | str], Field(min_length=1, max_length=65_535)]


class Pixels(Section):
    """What the file takes: x = (pixel / scale - mean) / std, channel by channel. Defaults are ImageNet's.

    A file that takes integers gets the pixels as they are.
    """

    layout: Literal["nchw", "nhwc"] = "nchw"
    color: Literal["rgb", "bgr"] = Field(default="rgb", description="the order in which the file sees the channels")
    scale: float = Field(default=255.0, gt=0, le=1e6, description="the pixel value that becomes 1: 255, or 1")
    mean: Triple = Field(default=(0.485, 0.456, 0.406), description="of red, green and blue, whatever `color` says")
    std: tuple[Deviation, Deviation, Deviation] = Field(
        default=(0.229, 0.224, 0.225), description="of red, green and blue, whatever `color` says"
    )


class Scores(Section):
    """What the file gives: a score for each class and each cell of a grid over the image.

    Probabilities are turned into logarithms, which have the same softmax.
    """

    name: str | None = Field(
        default=None, max_length=1000, description="the output; without a name the first of scores"
    )
    kind: Literal["logits", "probabilities"] = "logits"
    layout: Literal["nchw", "nhwc"] = "nchw"
