"""Functions that a confined child runs: what a parser of a hostile file may do."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

from bpkd_core.errors import InvalidModel


def double(values: list[int]) -> dict[str, list[int]]:
    sys.stdout.write("chatter of a library\n")
    sys.stderr.write("and of its warnings\n")
    return {"doubled": [2 * value for value in values]}


def allocate(count: int) -> int:
    return len(bytes(count))


def loop() -> None:
    while True:
        pass


def tell_and_loop(place: str) -> None:
    Path(place).write_text(str(os.getpid()))
    loop()


def crash() -> None:
    os.kill(os.getpid(), signal.SIGSEGV)


def leave() -> None:
    sys.exit("enough")


def refuse() -> None:
    raise InvalidModel("It has no output.", param="model", hint="Add one.")


def stumble() -> None:
    raise ValueError("x" * 10_000)


def tell(count: int) -> str:
    return "x" * count


def fill(path: str, mebibytes: int) -> None:
    with Path(path).open("wb") as file:
        for _ in range(mebibytes):
            file.write(bytes(2**20))


def variables() -> list[str]:
    return sorted(os.environ)  # noqa: TID251 - what is looked at
