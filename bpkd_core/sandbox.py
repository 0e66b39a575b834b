"""Open a stranger's file in a child process that has little memory, little time and none of our secrets.

A parser of foreign files may be made to allocate without end, to loop, or to crash. All of that then happens to a
fresh `python -m bpkd_core.sandbox`, which is told the function and its arguments as JSON on standard input and answers
as JSON on standard output. The environment is empty but for the import path, so no password lies in it. This module
imports no torch; the function's own module may.
"""

from __future__ import annotations

import json
import math
import os
import re
import resource
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any, TypeVar

from bpkd_core.errors import BpkdError
from bpkd_core.leash import leashed

T = TypeVar("T")
MIB = 2**20
MAX_RESULT_BYTES = 16 * MIB
MAX_OPEN_FILES = 256
MAX_SAID = 500  # characters of a foreign message that we repeat


class ChildFailed(Exception):
    """The child returned nothing. `reason` completes "The file cannot be opened: ..."; the caller says which file."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def run_limited(function: Callable[..., T], *args: Any, memory_bytes: int, timeout_s: float) -> T:
    """Call a module-level function in a child process of its own and return what it returns.

    args and the result are JSON values; larger things go through files, whose paths are arguments and absolute.
    memory_bytes: address space for the call, beyond what importing the function's module takes, and the largest file
    that it may write. Raises the BpkdError that the function raised, and ChildFailed for every other end: another
    exception, a signal, memory or time used up.
    """
    request = {
        "function": f"{function.__module__}:{function.__qualname__}",
        "args": args,
        "memory_bytes": memory_bytes,
        "cpu_s": math.ceil(timeout_s) + 1,  # where there is no leash, a child whose parent died ends by itself
    }
    with TemporaryFile() as answer, TemporaryFile() as noise:
        try:
            child = subprocess.run(  # noqa: S603  # our own module, without a shell
                leashed([sys.executable, "-P", "-m", "bpkd_core.sandbox"]),
                input=json.dumps(request).encode(),
                stdout=answer,
                stderr=noise,
                env=_environment(),
                timeout=timeout_s,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise ChildFailed(f"it took longer than {timeout_s:g} s") from error
        if child.returncode:
            raise ChildFailed(_end(child.returncode, noise))
        return _result(answer)


def _environment() -> Mapping[str, str]:
    path = os.pathsep.join(entry for entry in sys.path if Path(entry).is_absolute())
    # one thread and one arena: each further one reserves address space that no one uses
    return {"PYTHONPATH": path, "OMP_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "1", "CUDA_VISIBLE_DEVICES": ""}


def _end(returncode: int, noise: IO[bytes]) -> str:
    if returncode < 0:
        return f"the process that opened it ended with {signal.Signals(-returncode).name}"
    noise.seek(-min(MAX_SAID, noise.tell()), os.SEEK_END)
    said = noise.read().decode(errors="replace").strip().splitlines()
    return f"the process that opened it ended with status {returncode}: {said[-1] if said else 'no word'}"


def _result(answer: IO[bytes]) -> Any:
    answer.seek(0)
    said = answer.read(MAX_RESULT_BYTES + 1)
    if len(said) > MAX_RESULT_BYTES:
        raise ChildFailed(f"what was found in it takes more than {MAX_RESULT_BYTES // MIB} MiB to tell")
    found: dict[str, Any] = json.loads(said)
    if "error" in found:
        raise BpkdError.from_dict(found["error"])
    if "failure" in found:
        raise ChildFailed(found["failure"])
    return found["result"]


# The child


def main(request: Mapping[str, Any], answer: IO[str]) -> None:
    """Do one request under its limits and write the outcome. The one place besides the runner that catches broadly."""
    module, _, name = request["function"].partition(":")
    function = getattr(import_module(module), name)
    limit(request["memory_bytes"], request["cpu_s"])
    try:
        outcome = {"result": function(*request["args"])}
    except BpkdError as error:
        outcome = {"error": error.to_dict()}
    except Exception as error:  # a foreign file fails wherever its parser happens to be
        outcome = {"failure": _failure(error, request["memory_bytes"])}
    json.dump(outcome, answer)


def limit(memory_bytes: int, cpu_s: int | None = None) -> None:
    """Bound this process from here on. cpu_s: None for work of unknown length."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    space = pages * resource.getpagesize() + memory_bytes
    limits = {
        resource.RLIMIT_AS: space,
        resource.RLIMIT_FSIZE: memory_bytes,
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_NOFILE: MAX_OPEN_FILES,
    }
    if cpu_s is not None:
        limits[resource.RLIMIT_CPU] = cpu_s
    for kind, value in limits.items():
        hard = resource.getrlimit(kind)[1]
        bound = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(kind, (bound, bound))


def _failure(error: Exception, memory_bytes: int) -> str:
    # torch and onnxruntime tell of memory in words: "can't allocate memory", "bad allocation", "std::bad_alloc"
    if isinstance(error, MemoryError) or re.search(r"\balloc|bad_?alloc", str(error), re.IGNORECASE):
        return f"it asks for more than {memory_bytes // MIB} MiB of memory"
    return f"{type(error).__name__}: {error}"[:MAX_SAID]


if __name__ == "__main__":
    with os.fdopen(os.dup(1), "w") as stdout:
        os.dup2(2, 1)  # a library's chatter is not the answer
        main(json.load(sys.stdin), stdout)
