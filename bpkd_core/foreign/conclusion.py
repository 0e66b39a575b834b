"""What the numbers of a probe mean, in sentences."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from bpkd_core.bundle import ClassInfo
from bpkd_core.errors import InvalidModel
from bpkd_core.foreign.examination import Examined
from bpkd_core.foreign.findings import Finding, say_difference
from bpkd_core.foreign.order import Counts, likely_map, mean_overlap
from bpkd_core.foreign.reading import Reading
from bpkd_core.foreign.trials import Attempt, best

WARNED_AHEAD = 0.05
"""mIoU by which another setting must be better than the chosen one to be worth a word."""

REFUSED_AHEAD = 0.2
"""From here on, and at twice the mIoU, settings that a person gave are refused: they are a mistake."""

POOR_MIOU = 0.2
SEEN_SHARE = 0.01  # of the labelled pixels; a class with less may go unsaid
LISTED = 6


def wrong_count(found: int, classes: Sequence[ClassInfo], attempts: Sequence[Attempt]) -> InvalidModel:
    """The refusal of a file with other classes, with the map that the labels suggest."""
    hint = None
    if attempts:
        clearest = max((one.counts for one in attempts), key=lambda counts: mean_overlap(merge(counts)))
        suggested = {index: classes[ours].name for index, ours in likely_map(clearest).items()}
        inner = ", ".join(f'"{index}": "{name}"' for index, name in suggested.items())
        hint = f"By the labels it would be {{{inner}}}, with {mean_overlap(merge(clearest)):.0%} mIoU."
    return InvalidModel(
        f"The file scores {found} classes and the dataset has {len(classes)}; say in teacher.classes which of the "
        "file's classes is which of the dataset's.",
        param="teacher.classes",
        hint=hint,
    )


def merge(counts: Counts) -> Counts:
    """The counts when each of the file's classes is taken for the one that it mostly lies on."""
    merged = np.zeros((counts.shape[1], counts.shape[1]), np.int64)
    for index, ours in likely_map(counts).items():
        merged[ours] += counts[index]
    return merged


def advise(
    classes: Sequence[ClassInfo],
    attempts: Sequence[Attempt],
    chosen: Attempt,
    reading: Reading,
    examined: Examined,
    *,
    given: bool,
    reordered: bool,
) -> list[Finding]:
    """Every sentence.

    attempts: first the likeliest setting, or the one that was given. given: whether it was, so that a better one is not
    taken. reordered: whether the reading takes the file's classes in the order that fits best.
    """
    names = [each.name for each in classes]
    return examined.faults or [
        *(_of_given(attempts, chosen) if given else _of_found(attempts[0], chosen)),
        *_of_order(names, chosen, reordered),
        *_of_scores(reading, examined),
        *_of_classes(names, reading, examined),
    ]


def _of_given(attempts: Sequence[Attempt], chosen: Attempt) -> list[Finding]:
    top = best(attempts, by_order=False)
    if top.miou < chosen.miou + WARNED_AHEAD:
        return []
    message = (
        f"The teacher reaches {chosen.miou:.0%} mIoU with these settings, {top.miou:.0%} with "
        f"{say_difference(top.input, chosen.input)}."
    )
    wrong = _is_a_mistake(chosen.miou, top.miou)
    return [Finding(severity="error" if wrong else "warning", code="wrong_input", message=message)]


def _is_a_mistake(given: float, better: float) -> bool:
    return better >= max(given + REFUSED_AHEAD, 2 * given)


def _of_found(usual: Attempt, chosen: Attempt) -> list[Finding]:
    if chosen.miou < usual.miou + WARNED_AHEAD:
        return []
    difference = say_difference(chosen.input, usual.input)
    message = f"The teacher is read with {difference}: {chosen.miou:.0%} mIoU, {usual.miou:.0%} without."
    return [Finding(severity="note", code="found_input", message=message)]


def _of_order(names: Sequence[str], chosen: Attempt, reordered: bool) -> list[Finding]:
    if not chosen.gains_by_order:
        return []
    moved = [f"{names[theirs]} for {names[ours]}" for ours, theirs in enumerate(chosen.order) if ours != theirs]
    listed = ", ".join(moved[:LISTED]) + (", ..." if len(moved) > LISTED else "")
    numbers = f"{chosen.miou:.0%} mIoU in this order, {chosen.reordered_miou:.0%} with {listed}"
    if reordered:
        message = f"The classes of the teacher are taken in another order: {numbers}."
        return [Finding(severity="warning", code="found_class_order", message=message)]
    message = f"The classes of the teacher are in another order than the dataset's: {numbers}."
    wrong = _is_a_mistake(chosen.miou, chosen.reordered_miou)
    return [Finding(severity="error" if wrong else "warning", code="wrong_class_order", message=message)]


def _of_scores(reading: Reading, examined: Examined) -> list[Finding]:
    findings: list[Finding] = []
    if reading.output.kind == "logits" and examined.looks_like_probabilities:
        message = "The scores add up to 1, as probabilities do; say kind: probabilities in teacher.output."
        findings.append(Finding(severity="warning", code="looks_like_probabilities", message=message))
    elif reading.output.kind == "logits" and examined.between_0_and_1:
        surest = math.e / (math.e + len(reading.known) - 1)
        message = (
            "The scores lie between 0 and 1 and do not add up to 1, as those of a sigmoid for each class: their "
            f"softmax is {surest:.0%} sure at most, where a teacher's is near 100 %; export what the file computes "
            "before its sigmoid."
        )
        findings.append(Finding(severity="warning", code="looks_like_sigmoids", message=message))
    if examined.more_than_certain:
        message = "The scores add up to more than 1, as no probabilities do; say kind: logits in teacher.output."
        findings.append(Finding(severity="warning", code="no_probabilities", message=message))
    if examined.miou < POOR_MIOU:
        message = f"The teacher scores only {examined.miou:.1%} mIoU; check its classes, their order and its weights."
        findings.append(Finding(severity="warning", code="poor_teacher", message=message))
    return findings


def _of_classes(names: Sequence[str], reading: Reading, examined: Examined) -> list[Finding]:
    findings: list[Finding] = []
    unknown = [name for name, own in zip(names, reading.channels, strict=True) if not own]
    if unknown:
        message = f"The teacher does not know {', '.join(unknown)}; the student learns that from the labels alone."
        findings.append(Finding(severity="warning", code="missing_class", message=message))
    said, seen = examined.counts.sum(1), examined.counts.sum(0) / max(1, examined.counts.sum())
    silent = [index for index in reading.known if not said[index] and seen[index] >= SEEN_SHARE]
    if silent:
        listed = ", ".join(f"{names[index]} ({seen[index]:.0%} of the pixels)" for index in silent)
        message = f"The teacher never says {listed}; if it knows that, its classes are in another order."
        findings.append(Finding(severity="warning", code="never_predicted", message=message))
    return findings
