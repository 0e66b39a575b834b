"""Child processes: commands of ours under other settings, on a leash, started again when they die."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from ipaddress import ip_address
from pathlib import Path

from bpkd_core.errors import BpkdError, InvalidInput
from bpkd_core.leash import leashed

FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.5, 10.0
SOUND_S = 30.0  # a child that lived this long died of something new
MAX_LOG_BYTES = 64 << 20
LAST_WORDS = 2  # lines: the API says an error in one, and what to do about it in the next


class StartFailed(BpkdError):
    """A part of the service ended before it was ready."""

    code = "start_failed"


class Child:
    """One process at a time, and the next one after a pause that doubles while they die young."""

    def __init__(self, name: str, command: Sequence[str], log: Path) -> None:
        """Start it. log: gets its standard output and error. The kernel ends it with the thread that calls this."""
        self._name, self._log, self._command = name, log, leashed(command)
        self._pause_s = FIRST_PAUSE_S
        self._begin()

    def watch(self) -> None:
        """Start it again if it is dead and its pause is over."""
        if self.process.poll() is None:
            return
        now = time.monotonic()
        if self._again_at is None:
            self._pause_s = FIRST_PAUSE_S if now - self._born_at > SOUND_S else self._pause_s
            self._again_at = now + self._pause_s
            self._pause_s = min(2 * self._pause_s, LONGEST_PAUSE_S)
        elif now >= self._again_at:
            self._begin()

    def raise_if_dead(self) -> None:
        """Raise StartFailed with its last words."""
        code = self.process.poll()
        if code is not None:
            words = last_words(self._log, self._log_start) or f"it ended with code {code}; see {self._log}"
            raise StartFailed(f"The {self._name} did not start: {words}")

    def _begin(self) -> None:
        self._log.parent.mkdir(parents=True, exist_ok=True)
        if self._log.exists() and self._log.stat().st_size > MAX_LOG_BYTES:
            self._log.replace(self._log.with_suffix(".log.old"))
        with self._log.open("ab") as log:
            self._log_start = log.tell()
            self.process = subprocess.Popen(  # noqa: S603  # a command of ours, without a shell
                self._command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C is for the one who started it, who passes it on
            )
        self._born_at, self._again_at = time.monotonic(), None


def module_command(module: str, variables: Mapping[str, str | None]) -> list[str]:
    """`python -m module` under other settings; None takes a variable away.

    `env` passes them on, because only service/settings.py reads the environment. -P: a folder `worker` or `service`
    where the command is typed must not be taken for ours.
    """
    without = [f"-u{name}" for name, value in variables.items() if value is None]
    values = [f"{name}={value}" for name, value in variables.items() if value is not None]
    return ["env", *without, *values, sys.executable, "-P", "-m", module]


def last_words(log: Path, start: int = 0) -> str:
    """The last lines of plain text that a child wrote after `start`; JSON lines are its ordinary log."""
    text = log.read_bytes()[start:].decode("utf-8", "replace")
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("{")]
    return ". ".join(line.rstrip(".") for line in lines[-LAST_WORDS:])


def take_port(host: str, port: int = 0) -> int:
    """The port itself, or for 0 a free one; chosen here, because it must outlive restarts of the API.

    Raises InvalidInput for a port that is taken: another server's answer would be mistaken for ours.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with socket.create_server((host, port), family=family) as listener:
            return listener.getsockname()[1]
    except OSError as error:
        raise InvalidInput(
            f"Nothing can listen on {host}:{port} ({error.strerror}); choose another --port, 0 takes a free one",
            param="port",
        ) from error


def url_for(host: str, port: int) -> str:
    """How this machine reaches a server that listens on `host`, which may mean every address."""
    with contextlib.suppress(ValueError):  # a name is no address
        address = ip_address(host)
        if address.is_unspecified:
            host = "127.0.0.1" if address.version == 4 else "::1"
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
