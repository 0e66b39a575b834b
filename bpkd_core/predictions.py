"""Where masks to be judged come from: an ONNX file of ours, anybody's ONNX file, or a folder of PNGs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from bpkd_core.bundle import ClassInfo
from bpkd_core.data import SegmentationDataset
from bpkd_core.data.pixels import read_mask
from bpkd_core.errors import InvalidInput
from bpkd_core.evaluation import Predict, session_masks
from bpkd_core.infer import Session
from bpkd_core.infer.contract import CONTRACT
from bpkd_core.infer.foreign import ForeignSession, Recipe
from bpkd_core.infer.session import CPU, start

CLASS_MAP = TypeAdapter(list[str | None])


def open_predictions(source: Path, data: SegmentationDataset, recipe: Recipe | None = None) -> Predict:
    """The masks of `source` for the images of `data`.

    source: an ONNX file, or a folder that holds NAME.png for every image NAME. recipe: how to run a file that does not
    say so itself; one of ours needs none. Raises InvalidModel, and InvalidInput for masks that are missing and for
    classes that do not fit.
    """
    if source.is_dir():
        return folder_masks(source, data)
    if CONTRACT in start(source, (CPU,), threads=1).get_modelmeta().custom_metadata_map:
        return session_masks(Session(source), data)
    session = ForeignSession(source, num_classes=len(data.classes), recipe=recipe)
    return lambda _, image_HW3: session.predict(image_HW3)


def folder_masks(folder: Path, data: SegmentationDataset) -> Predict:
    """Masks drawn elsewhere, one 8-bit PNG of class ids for each image. Raises InvalidInput if one is missing."""
    missing = [name for name in data.names if not (folder / f"{name}.png").is_file()]
    if missing:
        raise InvalidInput(
            f"{len(missing)} of {len(data)} images have no mask in {folder}, the first is {missing[0]}; "
            f"add {folder / missing[0]}.png."
        )
    return lambda name, _: read_mask(folder / f"{name}.png")


def read_class_map(path: Path, classes: Sequence[ClassInfo]) -> list[int | None]:
    """Class names of the dataset, one for each class of a model in its order, null where the dataset has none.

    Raises InvalidInput for anything but a JSON list of such names.
    """
    ids = {each.name: each.id for each in classes}
    try:
        names = CLASS_MAP.validate_json(path.read_bytes())
        return [None if name is None else ids[name] for name in names]
    except (ValidationError, KeyError) as error:
        raise InvalidInput(
            f"{path.name} is no class map; expected a JSON list with one entry for each class of the model, in its "
            f"order: null, or one of {', '.join(ids)}.",
            param="class_map",
        ) from error
