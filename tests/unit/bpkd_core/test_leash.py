from __future__ import annotations

import os
import select
import signal
import subprocess
import sys

from bpkd_core.leash import leashed

SUPERVISOR = """
import subprocess, sys, signal
from bpkd_core.leash import leashed
child = subprocess.Popen(leashed([sys.executable, "-c", "import signal; print('up', flush=True); signal.pause()"]),
                         stdout=subprocess.PIPE, start_new_session=True)
child.stdout.readline()
print(child.pid, flush=True)
signal.pause()
"""


def test_a_child_dies_with_its_supervisor_however_that_dies() -> None:
    """A trainer that outlives its worker would hold the GPU, and race the one that takes its job over."""
    with subprocess.Popen([sys.executable, "-c", SUPERVISOR], stdout=subprocess.PIPE) as supervisor:
        assert supervisor.stdout is not None
        child = os.pidfd_open(int(supervisor.stdout.readline()))
        supervisor.send_signal(signal.SIGKILL)
    try:
        assert select.select([child], [], [], 60)[0], "the child outlived its supervisor"
    finally:
        os.close(child)


def test_a_child_whose_supervisor_died_before_the_leash_was_tied_kills_itself() -> None:
    """The kernel reports only deaths to come: one that has happened must be seen from the parent's id."""
    command = leashed([sys.executable, "-c", "print('alive')"])
    command[command.index(str(os.getpid()))] = "1"  # as if started by a process that is gone, and adopted since
    ended = subprocess.run(command, capture_output=True, timeout=60)
    assert (ended.returncode, ended.stdout) == (-signal.SIGKILL, b"")


def test_the_command_gets_its_arguments_as_they_are() -> None:
    """No shell stands between: spaces, quotes and stars in a dataset's path are data."""
    odd = ["a b", "*", "'", '"', "$HOME", "--", "-x", "ü"]
    command = leashed([sys.executable, "-c", "import sys; print(sys.argv[1:])", *odd])
    assert subprocess.run(command, capture_output=True, text=True, timeout=60).stdout == f"{odd}\n"
