"""A command that dies with the process that started it.

`python leash.py PARENT COMMAND...` asks the kernel (PR_SET_PDEATHSIG) to kill this process when its parent dies,
however it dies, and then becomes the command. A script of its own because the request must be made inside the child,
and the interpreter's own hook for that (`preexec_fn`) is unsafe in a process with threads.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from collections.abc import Sequence

_PR_SET_PDEATHSIG = 1  # linux/prctl.h


def leashed(command: Sequence[str]) -> list[str]:
    """The command, tied to the calling process.

    The kernel watches the *thread* that starts it: that thread must live as long as the command may.
    """
    return [sys.executable, "-I", "-S", __file__, str(os.getpid()), *command]  # no site-packages: it starts in 10 ms


def main(parent: int, command: list[str]) -> None:
    """Tie this process to its parent and become the command. Without Linux there is no leash, only the fence."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # the parent died before the kernel could be asked
            os.kill(os.getpid(), signal.SIGKILL)
    os.execvp(command[0], command)  # noqa: S606  # nosec B606  # no shell is the point


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])
