from __future__ import annotations

import json
import logging
from collections.abc import Iterator

import pytest

from service import logs


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


def test_a_line_is_one_object_whatever_it_says(capsys: pytest.CaptureFixture[str]) -> None:
    """A file name with a line feed must not forge a second line."""
    logs.configure("INFO")
    logging.getLogger("worker").info("read %s", "a.png\n{}\x1b[2J")
    (line,) = capsys.readouterr().err.splitlines()
    told = json.loads(line)
    assert told["event"] == "read a.png\n{}\x1b[2J"
    assert (told["level"], told["logger"]) == ("info", "worker")
    assert "\x1b" not in line


def test_lines_inside_a_job_name_it(capsys: pytest.CaptureFixture[str]) -> None:
    """Of a worker that trains and checks at once, each line must be found by its job."""
    logs.configure("INFO")
    with logs.bound(job_id="job_1"):
        logging.getLogger("any.library").warning("slow")
    logging.getLogger("any.library").warning("idle")
    inside, outside = (json.loads(line) for line in capsys.readouterr().err.splitlines())
    assert inside["job_id"] == "job_1"
    assert "job_id" not in outside
