"""A PostgreSQL of the tests' own: Debian's binaries, a temporary folder, a Unix socket, gone with the test process."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from fakes.waiting import DEADLINE_S, wait_for


class PostgresServer:
    """A cluster with one database. It refuses to run as root, so root becomes `postgres` first."""

    def __init__(self, folder: Path, binaries: Path) -> None:
        """folder: an empty one. binaries: see :func:`find_binaries`."""
        self._folder, self._binaries = folder, binaries
        self._log = (folder / "log").open("wb")
        self._process: subprocess.Popen[bytes] | None = None
        if os.geteuid() == 0:
            shutil.chown(folder, "postgres", "postgres")
        command = [str(binaries / "initdb"), "-D", self._data, "-U", "bpkd", "--auth=trust", "--no-sync", "-E", "UTF8"]
        subprocess.run([*_as_postgres(), *command], check=True, stdout=self._log, stderr=self._log, cwd=folder)

    @property
    def url(self) -> str:
        """For BPKD_DATABASE_URL."""
        return f"postgresql+psycopg://bpkd@/postgres?host={self._folder}"

    def start(self) -> None:
        """Until it answers."""
        options = [f"unix_socket_directories={self._folder}", "listen_addresses=", "fsync=off", "max_connections=200"]
        flags = [part for option in options for part in ("-c", option)]
        command = [*_as_postgres(), str(self._binaries / "postgres"), "-D", self._data, *flags]
        self._process = subprocess.Popen(command, stdout=self._log, stderr=self._log, cwd=self._folder)
        wait_for(self._answers, f"PostgreSQL, which logs to {self._log.name}")

    def stop(self) -> None:
        """At once, whoever is connected."""
        if self._process is not None:
            self._process.send_signal(signal.SIGINT)
            self._process.wait(timeout=DEADLINE_S)

    def close(self) -> None:
        """Stop it for good."""
        self.stop()
        self._log.close()

    @property
    def _data(self) -> str:
        return str(self._folder / "data")

    def _answers(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, Path(self._log.name).read_text("utf-8", "replace")
        try:
            psycopg.connect(host=str(self._folder), user="bpkd", dbname="postgres").close()
        except psycopg.OperationalError:
            return False
        return True


@contextmanager
def running_postgres() -> Iterator[PostgresServer]:
    """A started server. Where PostgreSQL is not installed, the tests that need it fail: `make test` installs it."""
    binaries = find_binaries()
    if binaries is None:
        pytest.fail("PostgreSQL is not installed; run make services, or apt-get install postgresql")
    folder = Path(tempfile.mkdtemp(prefix="bpkd-pg-"))
    try:
        server = PostgresServer(folder, binaries)
        try:
            server.start()
            yield server
        finally:
            server.close()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def find_binaries() -> Path | None:
    """The folder with initdb and postgres of the newest version installed, or None."""
    return max((path.parent for path in Path("/usr/lib/postgresql").glob("*/bin/initdb")), default=None)


def _as_postgres() -> list[str]:
    """The server dies with the tests, whatever ends them."""
    prefix = ["setpriv", "--pdeathsig", "INT"]
    if os.geteuid() != 0:
        return prefix
    user = pwd.getpwnam("postgres")
    return [*prefix, f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]
