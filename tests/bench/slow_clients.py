"""Five hundred callers who begin a request and do not go on: what they cost, and what the others notice (F34).

    PYTHONPATH=tests python tests/bench/slow_clients.py [--clients 500]

Half of them stop inside the head of a request, half inside a body. Ends with status 1 unless all were let go.
"""

from __future__ import annotations

import argparse
import socket
import statistics
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from time import perf_counter

import httpx
import psutil
from fakes.servers import free_port, process
from fakes.waiting import wait_for

ASKED = 50
PATIENCE_S = 60.0
"""More than the server's own, which is 20 s."""
HEAD = b"POST /v1/models/street/infer HTTP/1.1\r\nHost: 127.0.0.1\r\n"
BODY = HEAD + b"Content-Length: 1000000\r\n\r\nx"


def main() -> int:
    """Start a server, hang on to it, ask it, and wait to be let go."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clients", type=int, default=500)
    clients = parser.parse_args().clients
    port = free_port()
    with (
        tempfile.TemporaryDirectory() as home,
        process(Path(home), port, BPKD_LOG_LEVEL="ERROR") as server,
        ExitStack() as stack,
    ):
        wait_for(lambda: answers(port), "the server")
        memory, alone = psutil.Process(server.pid).memory_info(), latency_ms(port)
        began = perf_counter()
        slow = [stack.enter_context(half_a_request(port, BODY if n % 2 else HEAD)) for n in range(clients)]
        print(f"/healthz alone: {alone:.1f} ms; beside {clients} slow clients: {latency_ms(port):.1f} ms")
        grown = psutil.Process(server.pid).memory_info().rss - memory.rss
        print(f"memory for them: {grown / 2**20:.1f} MiB")
        released = sum(is_let_go(each) for each in slow)
        print(f"let go: {released} of {clients}, {perf_counter() - began:.1f} s after the first came")
    return int(released != clients)


def answers(port: int) -> bool:
    """Whether the server is up."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def half_a_request(port: int, begun: bytes) -> socket.socket:
    """A connection that has said something and is silent now."""
    caller = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S)
    caller.sendall(begun)
    return caller


def latency_ms(port: int) -> float:
    """Median over some requests on one connection."""
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=PATIENCE_S) as http:
        times = []
        for _ in range(ASKED):
            began = perf_counter()
            http.get("/healthz").raise_for_status()
            times.append(perf_counter() - began)
    return statistics.median(times) * 1000


def is_let_go(caller: socket.socket) -> bool:
    """Whether the server answers or closes in time."""
    try:
        while caller.recv(1 << 16):
            pass
    except TimeoutError:
        return False
    except ConnectionError:
        pass
    return True


if __name__ == "__main__":
    sys.exit(main())
