"""How long the API takes from its start to its first answer: `python tests/bench/startup.py`, medians of five starts.

The database is migrated by the first start, which is not counted.
"""

from __future__ import annotations

import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from urllib.error import URLError
from urllib.request import urlopen

STARTS = 5
LIMIT_S = 60.0


def main() -> None:
    """Start, ask, stop, several times; print each and the median."""
    with tempfile.TemporaryDirectory() as home:
        seconds = [start_once(home) for _ in range(STARTS + 1)][1:]
    print("first answer after", ", ".join(f"{s:.2f}" for s in seconds), "s")
    print(f"median {statistics.median(seconds):.2f} s")


def start_once(home: str) -> float:
    """Seconds from the start of the process to the first answer of /healthz."""
    port = free_port()
    environment = {**os.environ, "BPKD_HOME": home, "BPKD_HOST": "127.0.0.1", "BPKD_PORT": str(port)}  # noqa: TID251
    start = time.perf_counter()
    quiet = subprocess.DEVNULL
    api = subprocess.Popen([sys.executable, "-m", "service.api"], env=environment, stdout=quiet, stderr=quiet)
    try:
        while time.perf_counter() - start < LIMIT_S:
            try:
                urlopen(f"http://127.0.0.1:{port}/healthz", timeout=5).read()
                return time.perf_counter() - start
            except URLError:
                time.sleep(0.005)
        raise SystemExit(f"No answer within {LIMIT_S:g} s")
    finally:
        api.terminate()
        api.wait()


def free_port() -> int:
    """A loopback port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


if __name__ == "__main__":
    main()
