"""The supervisor, with small children in the places of API and worker."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from threading import Thread

import httpx
import pytest
from fakes.servers import free_port
from fakes.waiting import wait_for, wait_until_gone

from bpkd_core.errors import InvalidInput
from service.cli.children import StartFailed, last_words, take_port, url_for
from service.cli.up import Plan, Supervisor, running

SERVER = """
import http.server, os, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(str(os.getpid()).encode())
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""
SLEEPER = "import signal; signal.pause()"
DEAF = """
import signal
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("deaf", flush=True)
signal.pause()
"""
BROKEN = "import sys; print('{}'); print('It cannot be.', file=sys.stderr); sys.exit('Try something else.')"


def plan(folder: Path, other: str = SLEEPER) -> Plan:
    """A server that answers with its process id, and something beside it."""
    port = free_port()
    commands = {"api": [sys.executable, "-c", SERVER, str(port)], "worker": [sys.executable, "-c", other]}
    return Plan(f"http://127.0.0.1:{port}", folder / "logs", commands, drain_s=30)


def pid_at(url: str) -> int | None:
    """The process id of the server that answers."""
    try:
        return int(httpx.get(url, trust_env=False).text)
    except httpx.TransportError:
        return None


@pytest.fixture
def supervisor(tmp_path: Path) -> Iterator[Supervisor]:
    supervisor = Supervisor(plan(tmp_path))
    yield supervisor
    supervisor.stop()


def test_a_killed_child_is_started_again_and_all_end_with_the_block(supervisor: Supervisor) -> None:
    # kill -9 of the API must cost a moment, not the evening
    with running(supervisor) as url:
        first = pid_at(url)
        assert first is not None
        os.kill(first, signal.SIGKILL)
        second = wait_for(lambda: pid_at(url), "the next server")
        assert second != first
    wait_until_gone(second)


def test_a_child_that_cannot_start_says_why(tmp_path: Path) -> None:
    # its last words, not a server that is started again and again for ever
    commands = {"worker": [sys.executable, "-c", BROKEN]}
    supervisor = Supervisor(Plan(f"http://127.0.0.1:{free_port()}", tmp_path, commands))
    said = r"The worker did not start: It cannot be\. Try something else$"
    with pytest.raises(StartFailed, match=said), running(supervisor):
        pytest.fail("nothing runs")


def test_a_second_wish_to_stop_is_a_command(tmp_path: Path) -> None:
    # an impatient Ctrl-C must not wait for a child that does not listen
    supervisor = Supervisor(plan(tmp_path, DEAF))
    thread = Thread(target=supervisor.run)
    thread.start()
    log = tmp_path / "logs" / "worker.log"
    wait_for(lambda: log.exists() and "deaf" in log.read_text(), "the child that does not listen")
    supervisor.stop()
    assert thread.is_alive()
    supervisor.stop()
    thread.join(timeout=20)
    assert not thread.is_alive()


def test_children_die_with_a_supervisor_that_is_killed(tmp_path: Path) -> None:
    # nothing may go on training on a machine whose owner thinks that all is ended
    script = (
        "import sys; from pathlib import Path; from service.cli.up import Plan, Supervisor\n"
        f"commands = {{'api': [sys.executable, '-c', {SERVER!r}, sys.argv[1]]}}\n"
        f"Supervisor(Plan(f'http://127.0.0.1:{{sys.argv[1]}}', Path({str(tmp_path)!r}), commands)).run()"
    )
    port = free_port()
    with subprocess.Popen([sys.executable, "-c", script, str(port)]) as supervisor:
        child = wait_for(lambda: pid_at(f"http://127.0.0.1:{port}"), "the server")
        supervisor.kill()
    wait_until_gone(child)


def test_a_taken_port_is_refused_before_anything_starts() -> None:
    # the other server would answer, and be taken for ours
    with socket.create_server(("127.0.0.1", 0)) as other, pytest.raises(InvalidInput, match="choose another --port"):
        take_port("127.0.0.1", other.getsockname()[1])


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:8400"),
        ("0.0.0.0", "http://127.0.0.1:8400"),
        ("::", "http://[::1]:8400"),
        ("localhost", "http://localhost:8400"),
    ],
)
def test_the_address_to_ask_is_one_that_answers(host: str, url: str) -> None:
    # nobody can connect to "every address"
    assert url_for(host, 8400) == url


def test_last_words_are_a_child_s_own(tmp_path: Path) -> None:
    # yesterday's error and today's JSON log lines explain nothing
    log = tmp_path / "api.log"
    log.write_text('yesterday\n{"event": "started"}\nThe port is taken.\nTake another\n')
    assert last_words(log, len("yesterday\n")) == "The port is taken. Take another"
