"""A real redis-server on a free loopback port, which a test may stop, start and empty as it likes."""

from __future__ import annotations

import contextlib
import signal
import socket
import subprocess
from pathlib import Path
from types import TracebackType
from typing import Self

import redis

from fakes.waiting import DEADLINE_S, wait_for


class RedisServer:
    """Not started yet; `with` stops it whatever happens."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._process = folder, None
        with socket.create_server(("127.0.0.1", 0)) as listener:
            self._port = listener.getsockname()[1]

    @property
    def url(self) -> str:
        """For BPKD_REDIS_URL."""
        return f"redis://127.0.0.1:{self._port}/0"

    def start(self) -> Self:
        """With nothing in it, and ready to answer."""
        command = ["redis-server", "--port", str(self._port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
        self._process = subprocess.Popen([*command, "--dir", str(self._folder)], stdout=subprocess.DEVNULL)
        wait_for(self._answers, "redis-server")
        return self

    def stop(self) -> None:
        """kill -9: what it held is lost."""
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait(DEADLINE_S)

    @property
    def port(self) -> int:
        """Where it listens."""
        return self._port

    def flush(self) -> None:
        """FLUSHALL."""
        self.order("FLUSHALL")

    def order(self, *command: str) -> None:
        """Any command."""
        with redis.Redis.from_url(self.url) as client:
            client.execute_command(*command)

    def _answers(self) -> bool:
        with contextlib.suppress(redis.ConnectionError), redis.Redis.from_url(self.url) as client:
            return bool(client.ping())
        return False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
