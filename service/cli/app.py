"""The commands put together, and how every one of them fails."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import typer

from bpkd_core.errors import BpkdError
from service.cli.commands import demo, serving

INTERRUPTED = 130  # 128 + SIGINT, as shells say

app = typer.Typer(
    name="bpkd",
    help="Turn an accurate, heavy segmentation network into a small one in production.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command()(demo.demo)
app.command()(serving.up)
app.command()(serving.api)
app.command()(serving.worker)


def run(arguments: Sequence[str] | None = None) -> int:
    """Run one command. Errors of the library become one sentence, and a hint where there is one."""
    try:
        app(arguments)
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except KeyboardInterrupt:
        return INTERRUPTED
    except BpkdError as error:
        sys.stderr.write("".join(f"{line}\n" for line in (error.message, error.hint) if line))
        return 1
    return 0
