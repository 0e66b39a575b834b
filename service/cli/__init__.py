"""The command line: one `bpkd`. Without torch; what is slow to import is imported by the command that needs it."""

from __future__ import annotations

from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status: an error is one sentence on standard error, never a traceback."""
    from service.cli.app import run

    return run(arguments)
