"""The one way in which masks are judged."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bpkd_core.errors import InvalidInput
from bpkd_core.metrics.counts import Tally, count_image
from bpkd_core.metrics.geometry import Labels
from bpkd_core.metrics.quality import Quality


def evaluate_masks(
    pairs: Iterable[tuple[ArrayLike, ArrayLike]],
    num_classes: int,
    *,
    ignore_index: int = 255,
    class_names: Sequence[str] | None = None,
    edge_width_px: int = 7,
    names: Sequence[str] | None = None,
) -> Quality:
    """Judge predicted masks by true ones; images may differ in size and are read one at a time.

    Args:
        pairs: (predicted_HW, true_HW), integer arrays of class ids. Where the truth is `ignore_index` (void) the
            prediction may hold anything and never counts.
        num_classes: ids are 0...num_classes - 1.
        ignore_index: the id of void in the truth.
        class_names: names in the order of their ids; the ids themselves by default.
        edge_width_px: k of the loss's edge mask, odd; 1 makes no edge.
        names: what an error calls each pair; "Pair 0", "Pair 1", ... by default.

    Raises:
        InvalidInput: no pair, shapes that differ, ids out of range, an even or non-positive width, a wrong number of
            names.

    What each measure means, and what void and frame do to it, is said in `bpkd_core.metrics.measures`.
    """
    classes = _checked_names(class_names, num_classes)
    _check_width(edge_width_px)
    confusion = np.zeros((num_classes, num_classes), np.int64)
    edge_confusion = confusion.copy()
    tallies: list[Tally] = []
    for index, (predicted, true) in enumerate(pairs):
        where = names[index] if names else f"Pair {index}"
        masks = _read_pair(predicted, true, num_classes, ignore_index, where)
        counts = count_image(*masks, num_classes, edge_width_px=edge_width_px)
        confusion += counts.confusion
        edge_confusion += counts.edge_confusion
        tallies.append(counts.tally)
    if not tallies:
        raise InvalidInput(
            "Found no pair of masks to evaluate, expected at least one; choose a split that is not empty."
        )
    return Quality(classes, edge_width_px, confusion, edge_confusion, Tally.stack(tallies))


def _checked_names(class_names: Sequence[str] | None, num_classes: int) -> tuple[str, ...]:
    if num_classes < 1:
        raise InvalidInput(f"num_classes is {num_classes}, expected at least 1.", param="num_classes")
    names = tuple(map(str, range(num_classes))) if class_names is None else tuple(class_names)
    if len(names) != num_classes:
        raise InvalidInput(
            f"Found {len(names)} class names for {num_classes} classes; give one name per class id, in order.",
            param="class_names",
        )
    return names


def _check_width(edge_width_px: int) -> None:
    if edge_width_px < 1 or edge_width_px % 2 == 0:
        raise InvalidInput(
            f"edge_width_px is {edge_width_px}, expected an odd and positive one, such as 7.", param="edge_width_px"
        )


def _read_pair(
    predicted: ArrayLike, true: ArrayLike, num_classes: int, ignore_index: int, where: str
) -> tuple[Labels, Labels]:
    """Both masks in the smallest signed type, void as the id `num_classes` in both."""
    predicted_HW, true_HW = np.asarray(predicted), np.asarray(true)
    for name, mask in (("predicted", predicted_HW), ("true", true_HW)):
        if mask.ndim != 2 or mask.size == 0 or mask.dtype.kind not in "iub":
            raise InvalidInput(
                f"{where}: the {name} mask is {mask.dtype} of shape {mask.shape}; expected class ids as integers, "
                f"(height, width), neither of them 0."
            )
    if predicted_HW.shape != true_HW.shape:
        raise InvalidInput(
            f"{where}: the predicted mask is {predicted_HW.shape} and the true mask {true_HW.shape} (height, width); "
            f"resize the prediction to the truth first."
        )
    void_HW = true_HW == ignore_index
    _check_ids(true_HW, void_HW, num_classes, f"{where}: the true mask", f" or {ignore_index} (void)")
    _check_ids(predicted_HW, void_HW, num_classes, f"{where}: the predicted mask", "")
    dtype = np.min_scalar_type(-num_classes - 1)
    return _with_void(predicted_HW, void_HW, num_classes, dtype), _with_void(true_HW, void_HW, num_classes, dtype)


def _check_ids(mask_HW: NDArray[Any], void_HW: NDArray[np.bool_], num_classes: int, what: str, also: str) -> None:
    wrong_HW = ((mask_HW < 0) | (mask_HW >= num_classes)) & ~void_HW
    if wrong_HW.any():
        raise InvalidInput(
            f"{what} holds id {int(mask_HW[wrong_HW][0])} at {np.count_nonzero(wrong_HW)} pixels, expected "
            f"0...{num_classes - 1}{also}; map the ids to the classes first."
        )


def _with_void(mask_HW: NDArray[Any], void_HW: NDArray[np.bool_], num_classes: int, dtype: np.dtype[Any]) -> Labels:
    labels_HW = mask_HW.astype(dtype)
    labels_HW[void_HW] = num_classes
    return labels_HW
