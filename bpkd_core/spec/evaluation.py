"""How images are looked at when quality is measured."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from bpkd_core.spec.section import Section


class Evaluation(Section):
    """Whole images at their own size, or windows of one size that slide over them and whose scores are averaged.

    Windows are what the authors test Pascal Context with; they suit a network that has only ever seen crops.
    """

    mode: Literal["whole", "slide"] = "whole"
    window: tuple[int, int] | None = Field(default=None, description="height and width of a window, of slide")
    stride: tuple[int, int] | None = Field(default=None, description="pixels from one window to the next, of slide")

    @model_validator(mode="after")
    def _window_for_slide(self) -> Self:
        if self.mode == "whole":
            if self.window or self.stride:
                raise ValueError("mode is whole, and a window or stride is given; expected mode slide, or neither")
            return self
        if self.window is None or self.stride is None:
            raise ValueError("mode slide needs window and stride, such as [480, 480] and [320, 320]")
        if any(not 32 <= side <= 4096 for side in self.window):
            raise ValueError(f"window is {list(self.window)}; expected height and width from 32 to 4096")
        if any(not 1 <= step <= side for step, side in zip(self.stride, self.window, strict=True)):
            raise ValueError(
                f"stride is {list(self.stride)} for windows of {list(self.window)}; expected at most the window's "
                "sides, or pixels between two windows are never seen"
            )
        return self
