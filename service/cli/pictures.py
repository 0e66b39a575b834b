"""One image's mask, from a server or from a file, and what is made of it."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from rich.console import Group, RenderableType
from rich.text import Text

from bpkd_core.bundle import ClassInfo, write_atomically
from bpkd_core.errors import InvalidInput
from bpkd_core.infer import Session, decode_image, encode_png, overlay
from service.cli.output import percent, table
from service.client import Client


@dataclass(frozen=True)
class Prediction:
    """A mask of class ids (H, W), its classes, and who made it: `street@3`, or a file's name. id: a server's."""

    mask_HW: NDArray[np.unsignedinteger]
    classes: Sequence[ClassInfo]
    model: str
    id: str | None = None

    def areas(self) -> list[dict[str, Any]]:
        """The classes that are present, the largest first."""
        counts = np.bincount(self.mask_HW.ravel(), minlength=len(self.classes))
        found = [
            {
                "id": each.id,
                "name": each.name,
                "pixels": int(counts[each.id]),
                "fraction": float(counts[each.id]) / self.mask_HW.size,
            }
            for each in self.classes
            if counts[each.id]
        ]
        return sorted(found, key=lambda area: -area["pixels"])

    def to_dict(self) -> dict[str, Any]:
        """The mask in words, as JSON."""
        height, width = self.mask_HW.shape
        return {"id": self.id, "model": self.model, "height": height, "width": width, "classes": self.areas()}


def ask_server(client: Client, model: str, image: Path, alias: str | None, version: int | None) -> Prediction:
    """Let the server that serves a model make the mask."""
    answer = client.models.infer(model, image, alias=alias, version=version)
    name, _, number = answer.model.rpartition("@")
    return Prediction(answer.ids, client.models.version(name, int(number)).classes, answer.model, answer.prediction_id)


def ask_file(onnx: Path, image: Path) -> Prediction:
    """Make the mask here. Raises InvalidModel, InvalidImage."""
    session = Session(onnx)
    return Prediction(session.predict(decode_image(image.read_bytes())), session.classes, onnx.name)


def save(prediction: Prediction, image: Path, out: Path, *, overlay: bool) -> None:
    """Write the mask as a palette PNG, or its colours over the image. Raises InvalidInput for a name that cannot be."""
    if out.suffix.lower() != ".png" or out.resolve() == image.resolve():
        raise InvalidInput(f"{out} cannot be written to; expected the name of another file that ends in .png")
    palette = [each.color for each in prediction.classes]
    out.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(out, over(image, prediction, palette) if overlay else encode_png(prediction.mask_HW, palette))


def over(image: Path, prediction: Prediction, palette: Sequence[tuple[int, int, int]]) -> bytes:
    """The image under the colours of its mask, as PNG bytes."""
    file = io.BytesIO()
    Image.fromarray(overlay(decode_image(image.read_bytes()), prediction.mask_HW, palette)).save(file, "PNG")
    return file.getvalue()


def draw_areas(prediction: Prediction, path: Path) -> RenderableType:
    """The classes of a mask, and where it lies."""
    rows = [(area["name"], area["pixels"], percent(area["fraction"])) for area in prediction.areas()]
    return Group(table(("class", "pixels", "share"), rows), Text(f"{prediction.model}: {path}"))
