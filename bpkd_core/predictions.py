"""Where masks to be judged come from: an ONNX file of ours, anybody's ONNX file, or a folder of PNGs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from bpkd_core.data import FolderDataset, SegmentationDataset
from bpkd_core.data.pixels import read_mask
from bpkd_core.errors import InvalidInput
from bpkd_core.evaluation import Predict, session_masks
from bpkd_core.foreign import ScoreSession, probe_file
from bpkd_core.foreign.findings import say
from bpkd_core.foreign.ids import IdSession
from bpkd_core.foreign.probe import choose, introduce
from bpkd_core.foreign.reading import identity, map_classes
from bpkd_core.foreign.session import foreign_scores
from bpkd_core.infer import Session
from bpkd_core.infer.contract import LOGITS
from bpkd_core.infer.protobuf import with_output
from bpkd_core.infer.windows import Score, Slider, session_scores
from bpkd_core.spec.evaluation import Evaluation
from bpkd_core.spec.foreign import ClassMap
from bpkd_core.spec.networks import OnnxTeacher

TRIED_IMAGES = 4
CLASS_MAP = TypeAdapter(ClassMap)


@dataclass(frozen=True)
class Predictions:
    """`predict(name, image_HW3)` gives the mask of an image; notes say in sentences how a stranger's file is read."""

    predict: Predict
    notes: tuple[str, ...] = ()


def open_predictions(
    source: Path,
    data: SegmentationDataset,
    classes: Mapping[int, int | str] | None = None,
    windows: Evaluation | None = None,
) -> Predictions:
    """The masks of `source` for the images of `data`.

    source: an ONNX file, or a folder that holds NAME.png for every image NAME. classes: the file's class index -> the
    dataset's class, for a file of other classes. windows: how the file is asked, whole images unless it says. How a
    stranger's file wants its images is found by trying it on labelled ones, in a child process before it is opened
    here. Raises InvalidModel, and InvalidInput for masks that are missing, classes that do not fit, and windows over
    what gives no scores.
    """
    slide = windows if windows and windows.mode == "slide" else None
    if source.is_dir():
        _require_scores(source, slide)
        return Predictions(folder_masks(source, data))
    height, width = data[0].labels_HW.shape
    kind = introduce(source, (height, width))
    if kind == "ids":
        _require_scores(source, slide)
        return _of_ids(source, data, classes)
    return _of_ours(source, data, slide) if kind == "ours" else _of_scores(source, data, classes, slide)


def folder_masks(folder: Path, data: SegmentationDataset) -> Predict:
    """Masks drawn elsewhere, one 8-bit PNG of class ids for each image. Raises InvalidInput if one is missing."""
    missing = [name for name in data.names if not (folder / f"{name}.png").is_file()]
    if missing:
        raise InvalidInput(
            f"{len(missing)} of {len(data)} images have no mask in {folder}, the first is {missing[0]}; "
            f"add {folder / missing[0]}.png."
        )
    return lambda name, _: read_mask(folder / f"{name}.png")


def read_class_map(path: Path) -> dict[int, int | str]:
    """A JSON object: a model's class index -> the dataset's class, by id or name. Raises InvalidInput."""
    try:
        return CLASS_MAP.validate_json(path.read_bytes())
    except ValidationError as error:
        raise InvalidInput(
            f'{path.name} is no class map; expected JSON such as {{"0": "road", "1": "pavement", "10": "sky"}}: the '
            "model's class index and the dataset's class.",
            param="class_map",
        ) from error


def _require_scores(source: Path, slide: Evaluation | None) -> None:
    if slide:
        raise InvalidInput(
            f"{source.name} gives class ids, which cannot be averaged where windows overlap; evaluate whole images, or "
            "export the network without its argmax."
        )


def _of_ours(source: Path, data: SegmentationDataset, slide: Evaluation | None) -> Predictions:
    """An exported file; windows want its scores, which a copy in memory gives."""
    session = Session(source)
    masks = session_masks(session, data)
    if not slide:
        return Predictions(masks)
    return Predictions(_slid(session_scores(Session(with_output(source.read_bytes(), LOGITS))), slide))


def _slid(score: Score, slide: Evaluation) -> Predict:
    assert slide.window  # the specification asks for both in this mode
    assert slide.stride
    slider = Slider(score, slide.window, slide.stride)
    return lambda _, image_HW3: slider.predict(image_HW3)


def _of_ids(source: Path, data: SegmentationDataset, classes: Mapping[int, int | str] | None) -> Predictions:
    """A file of class ids."""
    found = max([len(data.classes), *((index + 1) for index in classes or ())])
    channels = map_classes(classes, data.classes, found) if classes else identity(found)
    session = IdSession(source, channels, choose(data, TRIED_IMAGES))
    return Predictions(lambda _, image_HW3: session.predict(image_HW3), (f"It is read as {say(session.input)}.",))


def _of_scores(
    source: Path, data: SegmentationDataset, classes: Mapping[int, int | str] | None, slide: Evaluation | None
) -> Predictions:
    """A file of scores, read as the probe finds it; without labels, in the likeliest way."""
    labelled = not isinstance(data, FolderDataset) or data.labelled > 0
    teacher = OnnxTeacher(path=source, classes=dict(classes) if classes else "auto")
    probe = probe_file(teacher, data, search=labelled)
    probe.raise_if_bad()
    session = ScoreSession(source, probe.reading)
    notes = (f"It is read as {say(probe.reading.input)}.", *(finding.message for finding in probe.findings))
    masks = _slid(foreign_scores(session), slide) if slide else lambda _, image_HW3: session.predict(image_HW3)
    return Predictions(masks, notes)
