"""Uploads on the wire."""

from __future__ import annotations

from typing import Literal

from service.schemas.base import Wire


class Upload(Wire):
    """An upload of which bytes are missing. offset: how many are held from the start. total: of the whole, if known."""

    object: Literal["upload"] = "upload"
    offset: int
    total: int | None
