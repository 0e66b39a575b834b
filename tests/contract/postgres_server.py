"""A PostgreSQL of the tests' own: Debian's binaries, a temporary folder, a Unix socket, gone with the test process."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

START_TIMEOUT_S = 60


def find_binaries() -> Path | None:
    """The folder with initdb and postgres of the newest version installed, or None."""
    return max((path.parent for path in Path("/usr/lib/postgresql").glob("*/bin/initdb")), default=None)


@contextmanager
def running_postgres(binaries: Path) -> Iterator[str]:
    """Start a server, yield its URL, stop it. It refuses to run as root, so root becomes `postgres` first."""
    folder = Path(tempfile.mkdtemp(prefix="bpkd-pg-"))
    log = (folder / "log").open("wb")
    process = None
    try:
        if os.geteuid() == 0:
            shutil.chown(folder, "postgres", "postgres")
        data = str(folder / "data")
        command = [str(binaries / "initdb"), "-D", data, "-U", "bpkd", "--auth=trust", "--no-sync", "-E", "UTF8"]
        subprocess.run([*_as_postgres(), *command], check=True, stdout=log, stderr=log, cwd=folder)
        options = [f"unix_socket_directories={folder}", "listen_addresses=", "fsync=off", "max_connections=200"]
        flags = [part for option in options for part in ("-c", option)]
        process = subprocess.Popen(
            [*_as_postgres(), str(binaries / "postgres"), "-D", data, *flags], stdout=log, stderr=log, cwd=folder
        )
        _wait(folder, process)
        yield f"postgresql+psycopg://bpkd@/postgres?host={folder}"
    finally:
        if process is not None:
            process.send_signal(signal.SIGINT)  # "fast": it waits for no client
            process.wait(timeout=START_TIMEOUT_S)
        log.close()
        shutil.rmtree(folder, ignore_errors=True)


def _as_postgres() -> list[str]:
    """The server dies with the tests, whatever ends them."""
    prefix = ["setpriv", "--pdeathsig", "INT"]
    if os.geteuid() != 0:
        return prefix
    user = pwd.getpwnam("postgres")
    return [*prefix, f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]


def _wait(folder: Path, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    while True:
        try:
            psycopg.connect(host=str(folder), user="bpkd", dbname="postgres").close()
            return
        except psycopg.OperationalError:
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError((folder / "log").read_text("utf-8", "replace")) from None
            time.sleep(0.02)
