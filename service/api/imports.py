"""Which folders a request may name: those inside the server's import roots, wherever links lead."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from bpkd_core.errors import InvalidInput


def importable(path: str, roots: Sequence[Path]) -> Path:
    """The folder, resolved. Raises InvalidInput, and says nothing about paths outside the roots."""
    try:
        folder = Path(path).resolve()
    except (OSError, ValueError, RuntimeError) as error:
        raise InvalidInput("The path cannot be read; expected the path of a folder", param="path") from error
    if not any(folder.is_relative_to(root.resolve()) for root in roots):
        raise InvalidInput(
            "The path is in none of the folders that datasets may come from",
            param="path",
            hint="Set BPKD_IMPORT_ROOTS to the folders that may be read, separated by colons, and start the API again.",
        )
    if not folder.is_dir():
        raise InvalidInput(f"{folder} is no folder; expected one with images/, masks/ and classes.json", param="path")
    return folder
