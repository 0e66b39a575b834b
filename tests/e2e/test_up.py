"""`bpkd up` as a person starts it: one command, one address, one Ctrl-C."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fakes.waiting import wait_for

from service.client import Client, Patience

WITHIN_S = 120.0


@contextmanager
def up(home: Path, said: Path, *options: str) -> Iterator[subprocess.Popen[bytes]]:
    """The command, killed with the block if it still runs."""
    command = [sys.executable, "-m", "service.cli", "up", "--home", str(home), *options]
    with said.open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def test_up_serves_with_a_worker_until_ctrl_c(tmp_path: Path) -> None:
    # nothing else is needed: no broker, no database server, no configuration
    home, said, refused = tmp_path / "home", tmp_path / "said", tmp_path / "refused"
    with up(home, said, "--port", "0") as first:
        found = wait_for(lambda: re.search(r"is up at http://127\.0\.0\.1:(\d+)", said.read_text()), "the address")
        with Client(f"http://127.0.0.1:{found[1]}", patience=Patience(tries=1)) as client:
            assert client.jobs.list().data == []
        wait_for(lambda: "starts" in (home / "logs" / "worker.log").read_text(), "the worker")
        with up(home, refused, "--port", found[1]) as second:  # which must not take the first one's answers for its own
            assert second.wait(WITHIN_S) == 1
        first.send_signal(signal.SIGINT)
        assert first.wait(WITHIN_S) == 0
    assert said.read_text().endswith("Stopped\n")
    assert re.fullmatch(r"Nothing can listen on .*; choose another --port, 0 takes a free one\n", refused.read_text())
