"""A registered teacher's file, lent to a child process in the folder where that works."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from service.domain.errors import NotFound
from service.domain.ports import Artifacts
from service.domain.teachers import Teacher


def lend(artifacts: Artifacts, teacher: Teacher, folder: Path) -> Mapping[str, Any]:
    """The teacher as a specification of the core has it, with its file in `folder`, whole or not at all.

    A link where the file system has them, else a copy: a copy of artifacts that the store keeps for a while only may go
    while a run still needs the file.
    """
    if teacher.sha256 is None:
        raise NotFound.of("file of teacher", teacher.id)
    target = folder / teacher.file_name
    if not target.exists():
        partial = target.with_name(f".{target.name}.tmp")
        partial.unlink(missing_ok=True)
        _share(artifacts.path(teacher.sha256), partial)
        partial.replace(target)
    return {**teacher.file, "path": str(target)}


def _share(source: Path, target: Path) -> None:
    with suppress(OSError):  # no links here
        os.link(source, target)
        return
    shutil.copyfile(source, target)
