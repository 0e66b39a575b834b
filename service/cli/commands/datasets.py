"""`bpkd dataset check`, offline, and `bpkd datasets ...`, on a server."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from service.cli.options import DEFAULT_URL, ApiKey, AsJson, Limit, Url, connect

offline = typer.Typer(no_args_is_help=True, help="Look at a dataset on this machine; no server needed.")
online = typer.Typer(no_args_is_help=True, help="Datasets of a server: register, list, show.")
Folder = Annotated[
    Path, typer.Argument(exists=True, file_okay=False, help="A dataset folder, in any layout of the catalog.")
]


Layout = Annotated[str, typer.Option(help="The layout's name in the catalog; auto finds it.")]
Labels = Annotated[
    Literal["dataset", "teacher", "mixed"],
    typer.Option(help="What a job will train on; with teacher or mixed, images may lack their masks."),
]


@offline.command()
def check(
    path: Folder,
    layout: Layout = "auto",
    labels: Labels = "dataset",
    as_json: AsJson = False,
) -> None:
    """Read every image and mask, and say what to mend. Exit status 1 if it cannot be trained on."""
    from bpkd_core.data.validate import check as check_dataset
    from service.cli.output import console, task, write
    from service.cli.report import draw_report

    with task(console(stderr=True), f"Checking {path}") as tell:
        report = check_dataset(path, layout=layout, labels=labels, progress=tell).to_dict()
    write(report, draw_report(report), as_json=as_json)
    raise typer.Exit(0 if report["ok"] else 1)


@online.command()
def create(
    path: Folder,
    name: Annotated[str | None, typer.Option(help="[default: the folder's name]")] = None,
    layout: Layout = "auto",
    labels: Labels = "dataset",
    url: Url = DEFAULT_URL,
    api_key: ApiKey = None,
    as_json: AsJson = False,
) -> None:
    """Register a folder that the server can read, and wait for its validation. Exit status 1 if it is refused."""
    from service.cli.output import console, task, write
    from service.cli.report import draw_dataset

    folder = path.resolve()
    with connect(url, api_key) as client:
        with task(console(stderr=True), f"Checking {folder}"):
            created = client.datasets.create(name or folder.name, str(folder), layout=layout, labels=labels)
            dataset = client.datasets.wait(created.id)
        report = None if dataset.error else client.datasets.report(dataset.id)
    write(dataset, draw_dataset(dataset, report), as_json=as_json)
    raise typer.Exit(0 if dataset.state == "ready" else 1)


@online.command("list")
def listing(
    state: Annotated[str | None, typer.Option(help="validating, ready or refused.")] = None,
    limit: Limit = 20,
    url: Url = DEFAULT_URL,
    api_key: ApiKey = None,
    as_json: AsJson = False,
) -> None:
    """The newest datasets."""
    from service.cli.output import table, when, write

    with connect(url, api_key) as client:
        found = client.datasets.list(limit=limit, state=state)
    rows = [(each.id, each.name, each.state, sum(each.splits.values()), when(each.created_at)) for each in found.data]
    write(found, table(("id", "name", "state", "images", "created"), rows), as_json=as_json)


@online.command()
def show(dataset_id: str, url: Url = DEFAULT_URL, api_key: ApiKey = None, as_json: AsJson = False) -> None:
    """One dataset and what its validation found."""
    from service.cli.output import write
    from service.cli.report import draw_dataset

    with connect(url, api_key) as client:
        dataset = client.datasets.get(dataset_id)
        report = client.datasets.report(dataset_id) if dataset.checked_at and not dataset.error else None
    write(dataset.model_dump(mode="json") | {"report": report}, draw_dataset(dataset, report), as_json=as_json)
