"""The commands put together, and how every one of them fails."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import typer

from bpkd_core.errors import BpkdError, Stopped
from service.cli.commands import (
    bench,
    compare,
    dataset,
    datasets,
    demo,
    distill,
    evaluate,
    jobs,
    keys,
    masks,
    models,
    serving,
    teacher,
    teachers,
    upkeep,
    webhooks,
)

app = typer.Typer(
    name="bpkd",
    help="Turn an accurate, heavy segmentation network into a small one in production.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
)
STOPPED = 75  # EX_TEMPFAIL, as the trainer itself says it: try again later
START, TRAIN, USE = "Start here", "Data and training", "Models and masks"
app.command(rich_help_panel=START)(demo.demo)
app.command(rich_help_panel=START)(serving.up)
app.command(rich_help_panel=START)(serving.api)
app.command(rich_help_panel=START)(serving.worker)
app.command(rich_help_panel=START)(upkeep.backup)
app.command(rich_help_panel=START)(upkeep.restore)
app.command(rich_help_panel=START)(upkeep.migrate)
app.add_typer(keys.app, name="keys", rich_help_panel=START)
app.add_typer(dataset.app, name="dataset", rich_help_panel=TRAIN)
app.add_typer(datasets.app, name="datasets", rich_help_panel=TRAIN)
app.add_typer(teacher.app, name="teacher", rich_help_panel=TRAIN)
app.add_typer(teachers.app, name="teachers", rich_help_panel=TRAIN)
app.command(rich_help_panel=TRAIN)(distill.distill)
app.add_typer(jobs.app, name="jobs", rich_help_panel=TRAIN)
app.add_typer(bench.app, name="bench", rich_help_panel=TRAIN)
app.add_typer(models.app, name="models", rich_help_panel=USE)
app.command(rich_help_panel=USE)(masks.predict)
app.command(rich_help_panel=USE)(evaluate.evaluate)
app.command(rich_help_panel=USE)(compare.compare)
app.add_typer(webhooks.app, name="webhooks", rich_help_panel=USE)


def run(arguments: Sequence[str] | None = None) -> int:
    """Run one command. Errors of the library become one sentence, and a hint where there is one."""
    try:
        app(arguments)
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except BpkdError as error:
        sys.stderr.write("".join(f"{line}\n" for line in (error.message, error.hint) if line))
        return STOPPED if isinstance(error, Stopped) else 1
    except OSError as error:
        sys.stderr.write(f"{error.filename or 'A file'}: {error.strerror}\n")
        return 1
    return 0
