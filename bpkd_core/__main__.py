"""`python -m bpkd_core`: what the worker starts as a child process, and what a person may type as well.

Events go to standard output, one JSON line each (:mod:`bpkd_core.events`). Exit status: 0 done, 75 stopped on request
with a checkpoint written, 1 failed with a final `error` event. SIGTERM and SIGINT ask a run to stop. On several GPUs:
`torchrun --nproc-per-node 4 -m bpkd_core distill ...` (:mod:`bpkd_core.train.distributed`).
"""

from __future__ import annotations

import json
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
import yaml

from bpkd_core.errors import BpkdError, Stopped
from bpkd_core.events import Event, to_line
from bpkd_core.spec import parse, read_spec
from bpkd_core.spec.probing import ProbeSpec

STOPPED = 75  # EX_TEMPFAIL: try again later
app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False, help=__doc__)


@app.command()
def distill(
    spec: Annotated[Path, typer.Option(help="The specification, YAML or JSON.")],
    workdir: Annotated[Path, typer.Option(help="Where the run keeps all it knows; the same folder goes on.")],
) -> None:
    """Distil as a specification says; events on standard output."""
    stop = stop_on_signals()

    def work() -> None:
        parsed = read_spec(spec)
        from bpkd_core.recipe.training import assist  # torch: not before the specification has been read
        from bpkd_core.run import run
        from bpkd_core.train.distributed import join

        with join() as group:
            if not group.leads:
                assist(parsed, workdir, stop, group)
                return
            bundle = run(parsed, workdir, emit, stop, group)
            group.tell(None)
        emit(Event("done", {"result": bundle.result.model_dump(mode="json")}))

    finish(work)


@app.command()
def check(
    path: Annotated[Path, typer.Argument(help="A dataset folder, in any layout of the catalog.")],
    layout: Annotated[str, typer.Option(help="The layout's name in the catalog; auto finds it.")] = "auto",
    labels: Annotated[
        Literal["dataset", "teacher", "mixed"], typer.Option(help="What a job will train on.")
    ] = "dataset",
    archive: Annotated[Path | None, typer.Option(help="A zip, tar or tar.gz to unpack into PATH first.")] = None,
    samples: Annotated[Path | None, typer.Option(help="A folder to draw some images and masks into.")] = None,
    memory_mib: Annotated[int | None, typer.Option(min=1, help="Address space, for the files of strangers.")] = None,
) -> None:
    """Check a dataset; the last line is the report as JSON."""
    from bpkd_core.data.samples import write_samples
    from bpkd_core.data.validate import check as check_dataset
    from bpkd_core.data.validate import check_archive
    from bpkd_core.sandbox import limit

    def work() -> None:
        if memory_mib:
            limit(memory_mib << 20)
        how: Any = {"layout": layout, "labels": labels, "progress": percents()}
        report = check_archive(archive, path, **how) if archive else check_dataset(path, **how)
        if samples and report.sha256:
            write_samples(path, samples, layout=layout)
        print(json.dumps(report.to_dict(), ensure_ascii=False), flush=True)  # noqa: T201 - the protocol

    finish(work)


@app.command()
def probe(spec: Annotated[Path, typer.Option(help="What to probe on what, YAML or JSON: a ProbeSpec.")]) -> None:
    """Try a teacher on labelled images; the last line is what was found as JSON."""

    def work() -> None:
        from bpkd_core.probing import probe as probe_teacher

        found = probe_teacher(parse(ProbeSpec, yaml.safe_load(spec.read_text("utf-8"))))
        print(found.model_dump_json(), flush=True)  # noqa: T201 - the protocol

    finish(work)


def finish(work: Callable[[], None]) -> None:
    """Do the work and turn its end into an exit status; the one place that catches broadly."""
    try:
        work()
    except Stopped as stopped:
        emit(Event("log", {"message": stopped.message}))
        sys.exit(STOPPED)
    except BpkdError as error:
        emit(Event("error", error.to_dict()))
        sys.exit(1)
    except Exception as error:
        emit(Event("error", BpkdError(f"{type(error).__name__}: {error}").to_dict()))
        raise  # the traceback belongs into the log


def emit(event: Event) -> None:
    """One line on standard output, at once."""
    print(to_line(event), flush=True)  # noqa: T201 - the protocol


def percents() -> Callable[[int, int], None]:
    """Progress of a check, a line for each percent."""
    told = -1

    def tell(done: int, total: int) -> None:
        nonlocal told
        if (percent := 100 * done // max(1, total)) != told:
            told = percent
            emit(Event("metrics", {"stage": "preparing_data", "step": done, "total_steps": total, "values": {}}))

    return tell


def stop_on_signals() -> Callable[[], bool]:
    """A flag that SIGTERM and SIGINT raise; work goes on until it looks."""
    asked = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: asked.set())
    return asked.is_set


if __name__ == "__main__":
    app()
