"""What the pages of docs/reference are written from: the command tree, the error tree, docstrings."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import typer

import service.cli
import service.client
from bpkd_core.errors import BpkdError
from service.cli.app import app


def commands() -> Iterator[tuple[str, Any]]:
    """Every command that can be typed, with its words."""

    def walk(words: str, command: Any) -> Iterator[tuple[str, Any]]:
        if not hasattr(command, "commands"):
            yield words, command
            return
        for name, child in command.commands.items():
            yield from walk(f"{words} {name}", child)

    yield from walk("bpkd", typer.main.get_command(app))


def local_errors() -> set[type[BpkdError]]:
    """Errors that are defined by the client and by the command line."""
    for package in (service.client, service.cli):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if not module.name.endswith("__main__"):
                importlib.import_module(module.name)
    return set(descendants(BpkdError))


def descendants(kind: type[BpkdError]) -> Iterator[type[BpkdError]]:
    """A class and all that inherit from it, within our packages."""
    if kind.__module__.startswith(("bpkd_core", "service", "worker")):
        yield kind
    for child in kind.__subclasses__():
        yield from descendants(child)


def drawing(module: ModuleType) -> str:
    """The indented block of a module's docstring."""
    _, _, rest = (inspect.getdoc(module) or "").partition("::\n\n")
    lines = rest.splitlines()
    inside = next((index for index, line in enumerate(lines) if line and not line.startswith(" ")), len(lines))
    return inspect.cleandoc("\n" + "\n".join(lines[:inside]))


def first_sentence(told: type | str) -> str:
    """The first sentence of a docstring: what concerns a caller; the rest is for who reads the code."""
    text = told if isinstance(told, str) else inspect.getdoc(told) or ""
    return re.split(r"(?<=\.)\s", without_roles(text), maxsplit=1)[0]


def without_roles(text: str) -> str:
    """Docstrings name code by a role and its path; a page needs the name alone."""
    return re.sub(r":\w+:`(?:[\w.]+\.)?(\w+)`", r"\1", text)
