"""What a report is called beside others, and which are runs of one recipe."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from bpkd_core.errors import InvalidInput
from bpkd_core.report.document import QUALITY

SEEDED = re.compile(r"^(?P<group>.+?)[-_. ](?:seed|s)[-_=]?\d+$", re.IGNORECASE)


def name_reports(paths: Sequence[Path]) -> dict[str, Path]:
    """A name for each path: the folder's, or the file's without its suffix; with folders before it where two are alike.

    Raises InvalidInput for a report that is named twice.
    """
    files = [path.resolve() / QUALITY if path.is_dir() else path.resolve() for path in paths]
    if len(set(files)) < len(files):
        raise InvalidInput("A report is named twice; name each once.")
    named = [file.parent if file.name == QUALITY else file.with_suffix("") for file in files]
    for depth in range(1, max(len(each.parts) for each in named)):
        names = ["/".join(each.parts[-depth:]) for each in named]
        if len(set(names)) == len(names):
            return dict(zip(names, paths, strict=True))
    return {str(path): path for path in paths}


def group_of(name: str) -> str:
    """`bpkd-seed2`, `bpkd_s2` and `bpkd.seed=2` are runs of `bpkd`; any other name is a group of its own."""
    found = SEEDED.match(name)
    return found["group"] if found else name
