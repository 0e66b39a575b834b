"""`bpkd compare`: several runs side by side."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from service.cli.options import AsJson


def compare(
    runs: Annotated[
        list[Path],
        typer.Argument(exists=True, help="Folders of finished runs, or reports that bpkd evaluate --json wrote."),
    ],
    model: Annotated[
        str | None, typer.Option(help="Which model of each: student, control, teacher. [default: the student]")
    ] = None,
    out: Annotated[Path | None, typer.Option(dir_okay=False, help="Write the comparison as one HTML page.")] = None,
    as_json: AsJson = False,
) -> None:
    """Put runs side by side: measures with intervals, boundaries, every class; differences are from the first.

    Runs whose names differ by their seed only (bpkd-seed0, bpkd-seed1) are also shown as one, with mean and spread.
    """
    from bpkd_core.bundle import write_atomically
    from bpkd_core.report import compare_reports, name_reports, read_report, render_comparison
    from service.cli.output import console, write
    from service.cli.quality import draw_comparison

    reports = {name: read_report(path) for name, path in name_reports(runs).items()}
    comparison = compare_reports(reports, model=model)
    if out:
        write_atomically(out, render_comparison(comparison).encode())
        console(stderr=True).print(f"The page is {out}")
    write(comparison.to_dict(), draw_comparison(comparison), as_json=as_json)
