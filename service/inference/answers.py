"""A mask in the form that was asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import simplejpeg
from numpy.typing import NDArray

from bpkd_core.bundle import ClassInfo
from bpkd_core.infer.palette import Colour, overlay
from bpkd_core.infer.png import encode_png
from bpkd_core.infer.rle import compress_rle, encode_rle
from service.inference.loaded import Loaded
from service.schemas import ClassArea, Prediction

MediaType = Literal["image/png", "application/octet-stream", "application/json", "image/jpeg"]
JPEG_QUALITY = 90


@dataclass(frozen=True)
class Mask:
    """A mask and who made it. image: RGB (H, W, 3). ids: class ids (H, W)."""

    prediction_id: str
    loaded: Loaded
    image: NDArray[np.uint8]
    ids: NDArray[np.unsignedinteger]

    @property
    def palette(self) -> list[Colour]:
        """The classes' colours, in the order of their ids."""
        return [each.color for each in self.loaded.classes]


def _png(mask: Mask) -> bytes:
    """Pixel values are class ids; the palette makes them a picture."""
    return encode_png(mask.ids, mask.palette)


def _raw(mask: Mask) -> bytes:
    """Class ids row by row, little-endian."""
    little = mask.ids.dtype.newbyteorder("<")
    return mask.ids.astype(little, copy=False).tobytes()


def _overlay(mask: Mask) -> bytes:
    """The image under the colours of its mask."""
    mixed = overlay(mask.image, mask.ids, mask.palette)
    return simplejpeg.encode_jpeg(np.ascontiguousarray(mixed), quality=JPEG_QUALITY, colorspace="RGB")


def _json(mask: Mask) -> bytes:
    height, width = mask.ids.shape
    pixels = np.bincount(mask.ids.ravel(), minlength=len(mask.loaded.classes))
    present = [each for each in mask.loaded.classes if pixels[each.id]]
    answer = Prediction(
        id=mask.prediction_id,
        model=mask.loaded.model,
        version=mask.loaded.version,
        height=height,
        width=width,
        classes=[_area(each, int(pixels[each.id]), mask.ids) for each in present],
    )
    return answer.model_dump_json().encode()


def _area(each: ClassInfo, pixels: int, ids_HW: NDArray[Any]) -> ClassArea:
    rle = compress_rle(encode_rle(ids_HW, each.id))
    return ClassArea(id=each.id, name=each.name, pixels=pixels, fraction=pixels / ids_HW.size, rle=rle)


RENDERERS: Mapping[MediaType, Callable[[Mask], bytes]] = {
    "image/png": _png,
    "application/octet-stream": _raw,
    "application/json": _json,
    "image/jpeg": _overlay,
}
MEDIA_TYPES: tuple[MediaType, ...] = tuple(RENDERERS)
"""What a mask can be answered as, the preferred one first."""
