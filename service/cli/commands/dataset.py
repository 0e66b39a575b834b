"""`bpkd dataset check`: the validation report, offline."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from service.cli.options import AsJson

app = typer.Typer(no_args_is_help=True, help="Look at a dataset on this machine; no server needed.")
Source = Annotated[
    Path, typer.Argument(exists=True, help="A dataset folder in any layout of the catalog, or a zip, tar or tar.gz.")
]
Layout = Annotated[str, typer.Option(help="The layout's name in the catalog; auto finds it.")]
Labels = Annotated[
    Literal["dataset", "teacher", "mixed"],
    typer.Option(help="What a job will train on; with teacher or mixed, images may lack their masks."),
]


@app.command()
def check(path: Source, layout: Layout = "auto", labels: Labels = "dataset", as_json: AsJson = False) -> None:
    """Read every image and mask, and say what to mend. Exit status 1 if it cannot be trained on.

    An archive is unpacked into a temporary folder first, by the rules of the server.
    """
    from tempfile import TemporaryDirectory

    from bpkd_core.data.validate import check as check_dataset
    from bpkd_core.data.validate import check_archive
    from service.cli.output import console, task, write
    from service.cli.report import draw_report

    with task(console(stderr=True), f"Checking {path}") as tell, TemporaryDirectory() as folder:
        if path.is_dir():
            found = check_dataset(path, layout=layout, labels=labels, progress=tell)
        else:
            found = check_archive(path, Path(folder) / path.stem, layout=layout, labels=labels, progress=tell)
    report = found.to_dict()
    write(report, draw_report(report), as_json=as_json)
    raise typer.Exit(0 if report["ok"] else 1)
