"""The other half of the probe: what runs in the limited child process, where a file is opened for the first time."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np

from bpkd_core.bundle import ClassInfo, Value
from bpkd_core.data.base import Sample
from bpkd_core.foreign.conclusion import advise, wrong_count
from bpkd_core.foreign.examination import examine
from bpkd_core.foreign.file import ForeignFile
from bpkd_core.foreign.findings import Probe, candidates
from bpkd_core.foreign.look import ask_all, look
from bpkd_core.foreign.pixels import covered
from bpkd_core.foreign.reading import Channels, Reading, identity, map_classes, match_names
from bpkd_core.foreign.scores import to_classes, to_logits
from bpkd_core.foreign.session import ScoreSession
from bpkd_core.foreign.trials import Ask, Attempt, affordable, attempt, best, in_order, record
from bpkd_core.infer.contract import Contract
from bpkd_core.infer.protobuf import count_parameters
from bpkd_core.spec.foreign import Pixels, Scores
from bpkd_core.spec.networks import OnnxTeacher


class Request(Value):
    """What the child is asked. crops: (number, height, width) of a batch in training, which the file must take."""

    teacher: OnnxTeacher
    classes: list[ClassInfo]
    crops: tuple[int, int, int] | None
    search: bool


Kind = Literal["ours", "ids", "scores"]


def meet_file(path: str, height: int, width: int) -> Kind:
    """Open the file and say what it gives: as `export_onnx` writes it, or anybody's class ids or scores.

    All but scores, which the probe asks for anyway, are asked about one black image. To be called through
    :func:`run_limited` only.
    """
    file = ForeignFile(path)
    if not file.is_ours and not file.gives_ids:
        return "scores"
    pixels = Pixels(layout=file.layouts[0])
    ask_all(file, np.zeros((height, width, 3), np.uint8), pixels)
    return "ours" if file.is_ours else "ids"


def try_file(path: str, samples: str, asked: dict[str, Any]) -> dict[str, Any]:
    """Open the file and answer a request: a Probe as JSON. To be called through :func:`run_limited` only."""
    request, data = Request.model_validate(asked), Path(path).read_bytes()
    teacher, classes, images = request.teacher, request.classes, read_samples(samples)
    file, start = ForeignFile(data), time.monotonic()
    pixels, scores, count = look(file, images[0].image_HW3, teacher, len(classes))
    settings = settings_for(file, teacher, pixels) if request.search else [pixels]
    few = images[: affordable(settings, time.monotonic() - start)]
    channels = channels_of(file, teacher, classes, count)
    ask = asking(file, scores, channels or identity(count))
    attempts = [attempt(ask, few, each, len(classes)) for each in settings]
    if channels is None:
        raise wrong_count(count, classes, attempts if request.search else [])
    chosen = best(attempts, by_order=True) if teacher.input == "auto" else attempts[0]
    reordered = teacher.classes == "auto" and not file.is_ours and chosen.gains_by_order
    taken = in_order(channels, chosen.order) if reordered else channels
    session = ScoreSession(data, Reading(input=chosen.input, output=scores, channels=taken))
    probe = conclude(request, session, few, attempts, chosen, channels, data, reordered=reordered)
    return probe.model_dump(mode="json")


def read_samples(path: str) -> list[Sample]:
    """What the parent has written."""
    with np.load(path, allow_pickle=False) as kept:
        return [Sample(kept[f"image{index}"], kept[f"labels{index}"]) for index in range(len(kept.files) // 2)]


def conclude(
    request: Request,
    session: ScoreSession,
    samples: Sequence[Sample],
    attempts: Sequence[Attempt],
    chosen: Attempt,
    channels: Channels,
    data: bytes,
    *,
    reordered: bool,
) -> Probe:
    """Look closely at the chosen reading and write down all that was found."""
    examined, given = examine(session, samples, request.crops), request.teacher.input != "auto"
    findings = examined.faults
    if request.search:
        findings = advise(
            request.classes, attempts, chosen, session.reading, examined, given=given, reordered=reordered
        )
    return Probe(
        reading=session.reading,
        sha256=hashlib.sha256(data).hexdigest(),
        parameters=count_parameters(data),
        pixels_as_they_are=session.file.dtype is np.uint8,
        images=len(samples),
        miou=examined.miou if request.search else None,
        trials=record(attempts, channels),
        findings=findings,
    )


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
