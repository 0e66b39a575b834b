"""The folder of one attempt at a job, which starts with what the attempts before it had finished.

::

    <root>/<job id>/run-000001/     the first claim's folder, named by its fence
                    run-000002/     the second's: hard links to all that the first had finished

Nobody writes into another fence's folder, so a worker that comes back from the dead overwrites nothing. Hard links are
safe for that because a trainer replaces files by rename and never writes into one in place; logs, which grow in place,
are copied.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Sequence
from pathlib import Path

_RUN = "run-"
TRAINED = (
    "stages",
    "stages/preparing_data.json",
    "stages/probing_teacher.json",
    "stages/training_*.json",
    "checkpoints",
    "checkpoints/**/*",
    "networks",
    "networks/*",
    "metrics.log",
)
"""What one job's run may take from another's: all up to the exported files, for these hold the name of their job."""


def open_workspace(root: Path, job_id: str, fence: int, *, seed: Path | None = None) -> Path:
    """Make this attempt's folder, complete or not at all, and drop those that no attempt can need again.

    The folder before this one stays: it is what a next attempt starts from if this one is cut off right here. seed:
    another job's folder, which a first attempt takes its trainings from.
    """
    home = root / job_id
    new = home / f"{_RUN}{fence:06d}"
    earlier = [run for run in sorted(home.glob(f"{_RUN}*")) if run < new]
    unfinished = home / f".{new.name}.tmp"
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True)
    if earlier:
        adopt(earlier[-1], unfinished)
    elif seed is not None:
        adopt(seed, unfinished, TRAINED)
    unfinished.replace(new)
    for old in earlier[:-1]:
        shutil.rmtree(old, ignore_errors=True)
    return new


def newest_run(root: Path, job_id: str) -> Path | None:
    """The folder of a job's last attempt; None once it has been removed, or where another machine has it."""
    return max((root / job_id).glob(f"{_RUN}*"), default=None)


def adopt(previous: Path, new: Path, patterns: Sequence[str] = ("**/*",)) -> None:
    """Give `new` the finished files of `previous`: links where the file system has them, copies of logs."""
    for source in sorted(found for pattern in patterns for found in previous.glob(pattern)):
        target = new / source.relative_to(previous)
        if source.is_dir():
            target.mkdir(parents=True, exist_ok=True)
        elif not _is_temporary(source):
            _share(source, target)


def close_workspace(root: Path, job_id: str) -> None:
    """Remove a job's folders, once all that is worth keeping lies among its artifacts."""
    shutil.rmtree(root / job_id, ignore_errors=True)


def _is_temporary(path: Path) -> bool:
    return path.name.startswith(".") or path.suffix == ".tmp"


def _share(source: Path, target: Path) -> None:
    with contextlib.suppress(FileNotFoundError):  # its owner, if it still runs, has just replaced or dropped it
        if source.suffix == ".log" or not _link(source, target):
            shutil.copy2(source, target)


def _link(source: Path, target: Path) -> bool:
    try:
        os.link(source, target)
    except FileNotFoundError:
        raise
    except OSError:  # no hard links here
        return False
    return True
