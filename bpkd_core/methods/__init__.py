"""Distillation methods: `get_method(name, num_classes=...)` gives a callable on (student, teacher, labels)."""

from __future__ import annotations

import inspect
from typing import Any

from bpkd_core import catalog
from bpkd_core.errors import UnknownName
from bpkd_core.methods.base import Losses, Method

__all__ = ["Losses", "Method", "get_method"]


def get_method(name: str, *, num_classes: int, ignore_index: int = 255, **options: Any) -> Method:
    """Build a method by its name in the catalog, with its documented defaults for every option not given.

    Raises UnknownName for a method or an option that does not exist, with the nearest that does, and InvalidInput
    for an option out of range.
    """
    method = catalog.load("methods", name)
    known = inspect.signature(method).parameters.keys() - {"num_classes", "ignore_index"}
    for option in options:
        if option not in known:
            raise UnknownName.among(f"option of {name}", option, known, param=option)
    return method(num_classes=num_classes, ignore_index=ignore_index, **options)
