"""A row of the catalog."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


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
