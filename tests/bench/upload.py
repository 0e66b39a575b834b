"""How much memory a large upload takes in the API.

Run `PYTHONPATH=tests python tests/bench/upload.py [GIB]`. A sparse file of that size, 5 GiB unless said otherwise, is
sent by the client to an API process of its own; meanwhile that process's resident memory is looked at 20 times a
second. It needs as much room in the temporary folder, and gives it back.
"""

from __future__ import annotations

import sys
import tempfile
import threading
import time
from pathlib import Path

from fakes.servers import free_port, process

from service.client import Client

GIB = 1 << 30
MIB = 1 << 20
PAUSE_S = 0.05


class Watch(threading.Thread):
    """Looks at a process's resident memory until it is told to stop. peak: the most that was seen, in bytes."""

    def __init__(self, pid: int) -> None:
        super().__init__()
        self._status = Path(f"/proc/{pid}/status")
        self._stopped = threading.Event()
        self.peak = 0

    def resident(self) -> int:
        """Bytes now."""
        line = next(line for line in self._status.read_text().splitlines() if line.startswith("VmRSS"))
        return int(line.split()[1]) * 1024

    def run(self) -> None:
        """Until :meth:`stop`."""
        while not self._stopped.wait(PAUSE_S):
            self.peak = max(self.peak, self.resident())

    def stop(self) -> int:
        """The peak."""
        self._stopped.set()
        self.join()
        return self.peak


def main(gib: float) -> None:
    """Send one file and print what it took."""
    with tempfile.TemporaryDirectory() as folder:
        home, port, size = Path(folder) / "home", free_port(), int(gib * GIB)
        source = Path(folder) / "upload.tar"
        with source.open("wb") as file:
            file.truncate(size)
        with process(home, port) as api, Client(f"http://127.0.0.1:{port}") as client:
            dataset = client.datasets.create("bench")
            watch = Watch(api.pid)
            idle = watch.resident()
            watch.start()
            begin = time.monotonic()
            state = client.datasets.upload(dataset.id, source).state
            seconds = time.monotonic() - begin
            peak = watch.stop()
        assert state == "validating"
    print(
        f"{gib:g} GiB in {seconds:.0f} s ({size / MIB / seconds:.0f} MiB/s, hashing on both sides and fsync included): "
        f"idle {idle / MIB:.0f} MiB, peak {peak / MIB:.0f} MiB, {(peak - idle) / MIB:.1f} MiB above idle"
    )


if __name__ == "__main__":
    main(float(sys.argv[1]) if sys.argv[1:] else 5)
