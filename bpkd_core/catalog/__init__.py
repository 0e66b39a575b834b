"""What can be named in a job: one literal table per kind, `name -> "module:attribute"`, loaded on first use.

Importing this package imports no torch, so the API can list names, papers and parameter counts without it. A package
outside this repository joins through the entry-point group of the same kind (`bpkd.methods`, `bpkd.models`,
`bpkd.datasets`); a built-in name always wins over an entry point. A network's name may also begin with the prefix of
an adapter (`smp:fpn/resnet18`): what stands behind the colon is the other library's name, known only to it.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Literal

from bpkd_core.catalog.layouts import DATASETS
from bpkd_core.catalog.methods import METHODS
from bpkd_core.catalog.networks import ADAPTERS, MODELS
from bpkd_core.catalog.plugin import Plugin
from bpkd_core.errors import InvalidSpec, UnknownName

__all__ = [
    "ADAPTERS",
    "BUILT_IN",
    "DATASETS",
    "METHODS",
    "MODELS",
    "WORD",
    "Kind",
    "Plugin",
    "features_missing",
    "load",
    "names",
    "require",
    "require_features",
]

Kind = Literal["methods", "models", "datasets"]
WORD: Mapping[Kind, str] = {"methods": "method", "models": "network", "datasets": "dataset layout"}
BUILT_IN: Mapping[Kind, Mapping[str, Plugin]] = {"methods": METHODS, "models": MODELS, "datasets": DATASETS}


def names(kind: Kind) -> list[str]:
    """Every name of a kind, built in or from an entry point, sorted."""
    return sorted({*BUILT_IN[kind], *_entry_points(kind)})


def require(kind: Kind, name: str, *, word: str | None = None, param: str | None = None) -> str:
    """Return `name` if it is known, else raise :class:`UnknownName` with the nearest known name."""
    known = names(kind)
    if name not in known and not (kind == "models" and _adapter(name)):
        raise UnknownName.among(word or WORD[kind], name, known, param=param)
    return name


def load(kind: Kind, name: str) -> Any:
    """Import and return what stands behind a name. Raises UnknownName."""
    require(kind, name)
    plugin = BUILT_IN[kind].get(name)
    if plugin:
        return _import(plugin)
    if kind == "models" and (adapter := _adapter(name)):
        return partial(_import(adapter), name.partition(":")[2])
    return _entry_points(kind)[name].load()


def _adapter(name: str) -> Plugin | None:
    prefix, colon, rest = name.partition(":")
    return ADAPTERS.get(prefix) if colon and rest else None


def _import(plugin: Plugin) -> Any:
    module, _, attribute = plugin.target.partition(":")
    return getattr(import_module(module), attribute)


def require_features(method: str, *, student: bool = True, teacher: bool = True) -> None:
    """Raise InvalidSpec if a method compares features and a network shows none, before anything is trained.

    Knows the built-in methods; one from an entry point is refused when it is built.
    """
    row = METHODS.get(method)
    if row and "features" in row.needs and not (student and teacher):
        raise features_missing(method, "teacher" if student else "student")


def features_missing(method: str, who: str) -> InvalidSpec:
    """The error for a method that compares features of a network that shows none."""
    others = [name for name, row in METHODS.items() if "features" not in row.needs and "logits" in row.needs]
    return InvalidSpec(
        f'The method "{method}" compares features, and this {who} shows class scores only, as an ONNX file does; '
        f"expected a {who} whose features are known, or one of the methods {', '.join(others)}.",
        param="method.type",
    )


def _entry_points(kind: Kind) -> dict[str, EntryPoint]:
    return {point.name: point for point in entry_points(group=f"bpkd.{kind}")}
