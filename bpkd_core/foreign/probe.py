"""Try a foreign teacher on labelled images before an hour is spent on it, in a process that may come to harm.

The child opens the file, finds its layout and its scores, and reads it in each usual setting. What a setting is worth
is measured and not guessed: the mIoU of its cells against the labels at their centres.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from bpkd_core.bundle import ClassInfo, Value
from bpkd_core.data.base import Sample, SegmentationDataset
from bpkd_core.errors import InvalidModel
from bpkd_core.foreign.conclusion import advise, wrong_count
from bpkd_core.foreign.examination import examine
from bpkd_core.foreign.file import ForeignFile
from bpkd_core.foreign.findings import Probe, candidates
from bpkd_core.foreign.look import ask_all, look
from bpkd_core.foreign.pixels import covered
from bpkd_core.foreign.reading import Channels, Reading, identity, map_classes, match_names
from bpkd_core.foreign.scores import to_classes, to_logits
from bpkd_core.foreign.session import ScoreSession
from bpkd_core.foreign.trials import Ask, attempt, best, in_order, record
from bpkd_core.infer.contract import Contract
from bpkd_core.infer.protobuf import count_parameters
from bpkd_core.sandbox import ChildFailed, run_limited
from bpkd_core.spec.foreign import Pixels, Scores
from bpkd_core.spec.networks import OnnxTeacher

IMAGES = 8
SEARCH_S = 60.0  # for all settings together; a slow file is tried on fewer images
TIMEOUT_S = 600.0
GIB = 1 << 30


class Request(Value):
    """What the child is asked. crops: (number, height, width) of a batch in training, which the file must take."""

    teacher: OnnxTeacher
    classes: list[ClassInfo]
    crops: tuple[int, int, int] | None
    search: bool


def probe_file(
    teacher: OnnxTeacher,
    data: SegmentationDataset,
    *,
    crops: tuple[int, int, int] | None = None,
    search: bool = True,
    timeout_s: float = TIMEOUT_S,
) -> Probe:
    """Try a teacher's file on images of `data`, spread evenly, in a limited child process.

    search: whether other settings than the likeliest are tried; without it the answer is quick and says nothing of
    normalisation and order. Raises InvalidModel for a file that is unsafe, endless or no teacher at all, InvalidSpec
    for a class map that does not fit; what is wrong by its numbers is in the findings.
    """
    samples = choose(data, IMAGES if search else 1)
    request = Request(teacher=teacher, classes=list(data.classes), crops=crops, search=search)
    with TemporaryDirectory() as folder:
        path = Path(folder) / "samples.npz"
        arrays = {f"{kind}{index}": array for index, each in enumerate(samples) for kind, array in _arrays(each)}
        np.savez(path, **arrays)  # pyright: ignore[reportArgumentType]  # its stubs take the names for options
        try:
            size = teacher.path.stat().st_size
            found = run_limited(
                try_file,
                str(teacher.path.absolute()),
                str(path),
                request.model_dump(mode="json"),
                memory_bytes=4 * GIB + 4 * size,
                timeout_s=timeout_s,
            )
        except OSError as error:
            raise InvalidModel(
                f"{teacher.path} cannot be read ({error.strerror}); expected an ONNX file.", param="teacher.path"
            ) from error
        except ChildFailed as error:
            raise InvalidModel(
                f'"{teacher.path.name}" cannot be tried as a teacher: {error.reason}; expected an ONNX file that '
                "scores an image in a few seconds.",
                param="teacher.path",
            ) from error
    return Probe.model_validate(found)


def choose(data: SegmentationDataset, count: int) -> list[Sample]:
    """So many samples, spread evenly over the dataset."""
    rows = np.linspace(0, len(data) - 1, min(count, len(data))).astype(int)
    return [data[int(row)] for row in rows]


def _arrays(sample: Sample) -> list[tuple[str, Any]]:
    return [("image", sample.image_HW3), ("labels", sample.labels_HW)]


# The child


def try_file(path: str, samples: str, asked: dict[str, Any]) -> dict[str, Any]:
    """Open the file and answer a request: a Probe as JSON. To be called through :func:`run_limited` only."""
    request, data = Request.model_validate(asked), Path(path).read_bytes()
    teacher, classes = request.teacher, request.classes
    with np.load(samples, allow_pickle=False) as kept:
        images = [Sample(kept[f"image{index}"], kept[f"labels{index}"]) for index in range(len(kept.files) // 2)]
    file = ForeignFile(data)
    start = time.monotonic()
    pixels, scores, count = look(file, images[0].image_HW3, teacher, len(classes))
    settings = settings_for(file, teacher, pixels) if request.search else [pixels]
    few = images[: affordable(settings, time.monotonic() - start)]
    channels = channels_of(file, teacher, classes, count)
    ask = asking(file, scores, channels or identity(count))
    attempts = [attempt(ask, few, each, len(classes)) for each in settings]
    chosen = attempts[0]
    if channels is None:
        raise wrong_count(count, classes, attempts if request.search else [])
    if teacher.input == "auto":
        chosen = best(attempts, by_order=True)
    reorders = teacher.classes == "auto" and not file.is_ours and chosen.gains_by_order
    reading = Reading(
        input=chosen.input, output=scores, channels=in_order(channels, chosen.order) if reorders else channels
    )
    examined = examine(ScoreSession(data, reading), few, request.crops)
    findings = examined.faults
    if request.search:
        given = teacher.input != "auto"
        findings = advise(classes, attempts, chosen, reading, examined, given=given, reordered=reorders)
    return Probe(
        reading=reading,
        sha256=hashlib.sha256(data).hexdigest(),
        parameters=count_parameters(data),
        pixels_as_they_are=file.dtype is np.uint8,
        images=len(few),
        miou=examined.miou if request.search else None,
        trials=record(attempts, channels),
        findings=findings,
    ).model_dump(mode="json")


def affordable(settings: Sequence[Pixels], seconds: float) -> int:
    """On how many images all settings can be tried when one image takes so long; one at least."""
    return max(1, int(SEARCH_S / (len(settings) * max(1e-3, seconds))))


def settings_for(file: ForeignFile, teacher: OnnxTeacher, pixels: Pixels) -> list[Pixels]:
    """What is worth a try: of a file that takes bytes only the order of the channels is unknown, of ours nothing."""
    if file.is_ours:
        return [pixels]
    if file.dtype is np.uint8:
        other = "bgr" if pixels.color == "rgb" else "rgb"
        return [pixels, pixels.model_copy(update={"color": other})]
    given = teacher.input if isinstance(teacher.input, Pixels) else None
    return [each.model_copy(update={"layout": pixels.layout}) for each in candidates(given)]


def channels_of(file: ForeignFile, teacher: OnnxTeacher, classes: Sequence[ClassInfo], count: int) -> Channels | None:
    """The file's classes of each of the dataset's: as given, by name in our files, or one by one; None if unknown."""
    if teacher.classes != "auto":
        return map_classes(teacher.classes, classes, count)
    if file.is_ours:
        named = match_names([each.name for each in Contract.from_metadata(file.metadata).classes], classes)
        if named:
            return named
    return identity(count) if count == len(classes) else None


def asking(file: ForeignFile, scores: Scores, channels: Channels) -> Ask:
    """Run the file in any setting; NaN never wins, and is looked for later."""

    def ask(image_HW3: Any, pixels: Pixels) -> tuple[Any, tuple[int, int]]:
        said, _ = ask_all(file, image_HW3, pixels)
        logits = to_logits(said[scores.name or file.outputs[0]], scores)
        return np.nan_to_num(to_classes(logits, channels)[0], nan=-np.inf), covered(
            image_HW3.shape[:2], file.size_hw(pixels.layout)
        )

    return ask
