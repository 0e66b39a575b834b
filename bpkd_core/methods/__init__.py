"""Distillation methods: `get_method(name, num_classes=...)` gives a callable on (student, teacher, labels)."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from torch import Tensor

from bpkd_core import catalog
from bpkd_core.errors import UnknownName
from bpkd_core.methods.base import EdgeMethod, Losses, Method
from bpkd_core.methods.features import FeatureMethod

if TYPE_CHECKING:  # methods need no network to be imported
    from bpkd_core.boundary import EdgeBands
    from bpkd_core.models.base import Outputs

__all__ = ["EdgeMethod", "FeatureMethod", "Losses", "Method", "compare_outputs", "get_method"]

GIVEN = ("num_classes", "ignore_index", "student_channels", "teacher_channels")


def get_method(
    name: str,
    *,
    num_classes: int,
    ignore_index: int = 255,
    student_channels: int | None = None,
    teacher_channels: int | None = None,
    **options: Any,
) -> Method:
    """Build a method by its name in the catalog, with its documented defaults for every option not given.

    student_channels, teacher_channels: of the networks' features, None where a network shows none; a method on logits
    does not look at them. A method that learns draws its initial weights from torch's generator.

    Raises UnknownName for a method or an option that does not exist, with the nearest that does, InvalidInput for
    an option out of range, and InvalidSpec for a method on features where a network has none.
    """
    method = catalog.load("methods", name)
    parameters = inspect.signature(method).parameters.keys()
    check_options(name, options, parameters - set(GIVEN))
    given: dict[str, int] = {"num_classes": num_classes, "ignore_index": ignore_index}
    for who, channels in (("student", student_channels), ("teacher", teacher_channels)):
        if f"{who}_channels" in parameters:
            if channels is None:
                raise catalog.features_missing(name, who)
            given[f"{who}_channels"] = channels
    return method(**given, **options)


def check_options(name: str, options: dict[str, Any], known: set[str]) -> None:
    """Raise UnknownName for the first option that the method does not have."""
    for option in options:
        if option not in known:
            raise UnknownName.among(f"option of {name}", option, known, param=option)


def compare_outputs(
    method: Method, student: Outputs, teacher: Outputs, labels_NHW: Tensor, bands: EdgeBands | None = None
) -> Losses:
    """What a method says of one batch: logits to all, features and edges to those that compare them.

    bands: the edges of the labels, where they were made before.

    Raises InvalidInput where shapes disagree, InvalidSpec where features are missing.
    """
    if isinstance(method, EdgeMethod):
        return method(student.logits, teacher.logits, labels_NHW, bands=bands)
    if not isinstance(method, FeatureMethod):
        return method(student.logits, teacher.logits, labels_NHW)
    if student.features is None or teacher.features is None:
        who = "student" if student.features is None else "teacher"
        raise catalog.features_missing(type(method).__name__, who)
    return method(student.logits, teacher.logits, labels_NHW, features=(student.features, teacher.features))
