"""Saves a checkpoint once for every moment at which a kill could matter, and is killed there.

    python dying_writer.py FOLDER

Step 1 is saved before, each time. Prints a JSON line for each moment: the signal that ended the writer, and the step
that is loaded after it.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

import torch

from bpkd_core.train.checkpoint import Checkpoints

CALLS = 6
"""A save syncs the file, renames it and syncs the folder, for the checkpoint and for the index."""


def main() -> None:
    for moment in range(2 * CALLS):
        checkpoints = Checkpoints(Path(sys.argv[1]) / f"{moment:02d}")
        checkpoints.save(1, state(1))
        writer = os.fork()  # of one thread: nothing has been computed yet
        if writer == 0:
            die_at(moment)
            checkpoints.save(2, state(2))
            os._exit(0)
        _, status = os.waitpid(writer, 0)
        print(json.dumps({"signal": os.WTERMSIG(status), "loaded": loaded(checkpoints)}))  # noqa: T201


def state(step: int) -> dict[str, Any]:
    return {"weight": torch.full((1000,), float(step))}


def loaded(checkpoints: Checkpoints) -> int | None:
    found = checkpoints.load()
    return found[0] if found and torch.equal(found[1]["weight"], state(found[0])["weight"]) else None


def die_at(moment: int) -> None:
    """Moment 2 n is just before call n of fsync or rename, moment 2 n + 1 just after it."""
    moments = count()

    def deadly(work: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any) -> Any:
            pass_moment()
            answer = work(*arguments)
            pass_moment()
            return answer

        return call

    def pass_moment() -> None:
        if next(moments) == moment:
            os.kill(os.getpid(), signal.SIGKILL)

    os.fsync, Path.replace = deadly(os.fsync), deadly(Path.replace)


if __name__ == "__main__":
    main()
