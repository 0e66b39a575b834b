"""The first look at an unknown file: which way round its input is, and where its scores are."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from bpkd_core.errors import InvalidModel
from bpkd_core.foreign.file import AXES, ForeignFile
from bpkd_core.foreign.pixels import fit, prepare, seen
from bpkd_core.infer.contract import LOGITS
from bpkd_core.spec.foreign import Pixels, Scores
from bpkd_core.spec.networks import OnnxTeacher

SUM_TOLERANCE = 0.01  # of probabilities in half precision, over a few hundred classes


def look(
    file: ForeignFile, image_HW3: NDArray[np.uint8], teacher: OnnxTeacher, num_classes: int
) -> tuple[Pixels, Scores, int]:
    """The input in its likeliest setting, the output that holds the scores, and how many classes it scores.

    What the specification says is taken from there. Raises InvalidModel for a file that does not run, and for one
    without scores.
    """
    if file.is_ours and LOGITS not in file.outputs:
        raise InvalidModel(
            "The file gives masks only, and a student learns from scores: export it with outputs: [mask, logits].",
            param="teacher.path",
        )
    options = [teacher.input] if isinstance(teacher.input, Pixels) else [Pixels(layout=each) for each in file.layouts]
    failures: list[InvalidModel] = []
    for pixels in options:
        try:
            said, seen_hw = ask_all(file, image_HW3, pixels)
            scores = find_scores(said, seen_hw, teacher.output, num_classes)
        except InvalidModel as error:
            failures.append(error)
            continue
        assert scores.name
        return pixels, scores, said[scores.name].shape[AXES[scores.layout][0]]
    raise failures[0]


def ask_all(
    file: ForeignFile, image_HW3: NDArray[np.uint8], pixels: Pixels
) -> tuple[dict[str, NDArray[Any]], tuple[int, int]]:
    """Every output for one image, and the size at which the file saw it."""
    fixed_hw = file.size_hw(pixels.layout)
    inputs = prepare(fit(image_HW3[np.newaxis], fixed_hw), pixels, file.dtype)
    arrays = file.ask(inputs, file.outputs)
    height, width = image_HW3.shape[:2]
    return dict(zip(file.outputs, arrays, strict=True)), seen((height, width), fixed_hw)


def find_scores(
    said: dict[str, NDArray[Any]], seen_hw: tuple[int, int], asked: Literal["auto"] | Scores, num_classes: int
) -> Scores:
    """The output of scores: the asked one, or the first that has as many as the dataset, or the first of all."""
    wanted = asked if isinstance(asked, Scores) else None
    if wanted and wanted.name and wanted.name not in said:
        raise InvalidModel(
            f"The file has no output {wanted.name}, only {', '.join(said)}; name one of these in teacher.output.",
            param="teacher.output",
        )
    found = [
        (array.shape[channels] != num_classes, Scores(name=name, layout=layout, kind=_kind(array, channels)))
        for name, array in said.items()
        if array.dtype.kind == "f" and array.ndim == 4 and (not wanted or wanted.name in (None, name))
        for layout, (channels, rows, columns) in AXES.items()
        if (not wanted or wanted.layout == layout)
        and array.shape[channels] > 1
        and in_proportion((array.shape[rows], array.shape[columns]), seen_hw)
    ]
    if not found:
        raise InvalidModel(_no_scores(said, seen_hw), param="teacher.output")
    scores = min(found, key=lambda each: each[0])[1]
    return scores.model_copy(update={"kind": wanted.kind}) if wanted else scores


def in_proportion(cells_hw: tuple[int, int], seen_hw: tuple[int, int]) -> bool:
    """Whether a grid covers an image evenly: one stride for both sides, rounded up or down by less than a cell."""
    return abs(cells_hw[0] * seen_hw[1] - cells_hw[1] * seen_hw[0]) <= sum(seen_hw)


def are_probabilities(array: NDArray[Any], channels: int) -> bool:
    """Whether scores lie in 0 to 1 and add up to 1 everywhere."""
    if not np.isfinite(array).all() or array.min() < 0 or array.max() > 1 + SUM_TOLERANCE:
        return False
    return bool(np.abs(array.astype(np.float32).sum(channels) - 1).max() < SUM_TOLERANCE)


def _kind(array: NDArray[Any], channels: int) -> Literal["logits", "probabilities"]:
    return "probabilities" if are_probabilities(array, channels) else "logits"


def _no_scores(said: dict[str, NDArray[Any]], seen_hw: tuple[int, int]) -> str:
    shapes = "; ".join(f"{name}, {array.dtype} {array.shape}" for name, array in list(said.items())[:4])
    expected = "expected (1, classes, h, w) or (1, h, w, classes) of floats, two classes or more"
    if all(array.dtype.kind in "iub" for array in said.values()):
        return (
            f"The file gives class ids and no scores ({shapes}); a student learns from the scores: export the network "
            "without its argmax."
        )
    height, width = seen_hw
    if any(array.ndim == 4 and 1 in (array.shape[1], array.shape[3]) for array in said.values()):
        return (
            f"The file gives one score for each cell ({shapes}), as a network with a sigmoid does, and a student "
            "learns from a score for each class: put a plane of zeros before it (Concat, on the logit), for the "
            "softmax of 0 and z is the sigmoid of z."
        )
    return f"The file gives {shapes} for an image of {height}x{width}; {expected}, in proportion to the image."
