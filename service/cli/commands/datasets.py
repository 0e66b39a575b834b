"""`bpkd datasets ...`: datasets of a server."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from service.cli.commands.dataset import Labels, Layout, Source
from service.cli.options import DEFAULT_URL, ApiKey, AsJson, Limit, Url, connect

if TYPE_CHECKING:
    from service.client import Client
    from service.schemas import Dataset

app = typer.Typer(no_args_is_help=True, help="Datasets of a server: register or upload, list, show, delete.")
Archive = Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="A zip, tar or tar.gz of a dataset.")]


@app.command()
def create(
    path: Source,
    name: Annotated[str | None, typer.Option(help="[default: the folder's or the archive's name]")] = None,
    upload: Annotated[bool, typer.Option("--upload", help="Send a folder that the server cannot read.")] = False,
    layout: Layout = "auto",
    labels: Labels = "dataset",
    url: Url = DEFAULT_URL,
    api_key: ApiKey = None,
    as_json: AsJson = False,
) -> None:
    """Register a folder that the server can read, or send an archive; wait for the validation.

    Exit status 1 if the dataset is refused. An upload goes on over broken connections; one that was broken off here is
    gone on with by `bpkd datasets upload`.
    """
    source = path.resolve()
    with connect(url, api_key) as client:
        if source.is_dir() and not upload:
            made = client.datasets.create(name or source.name, str(source), layout=layout, labels=labels)
        else:
            made = client.datasets.create(name or source.name.partition(".")[0], layout=layout, labels=labels)
            with _archive(source) as archive:
                _send(client, made.id, archive)
        _conclude(client, made.id, as_json=as_json)


@app.command()
def upload(
    dataset_id: str, archive: Archive, url: Url = DEFAULT_URL, api_key: ApiKey = None, as_json: AsJson = False
) -> None:
    """Send the content of a dataset that waits for it; what the server holds already is not sent again."""
    with connect(url, api_key) as client:
        _send(client, dataset_id, archive)
        _conclude(client, dataset_id, as_json=as_json)


@app.command("list")
def listing(
    state: Annotated[str | None, typer.Option(help="uploading, validating, ready or refused.")] = None,
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


@app.command()
def show(dataset_id: str, url: Url = DEFAULT_URL, api_key: ApiKey = None, as_json: AsJson = False) -> None:
    """One dataset and what its validation found."""
    from service.cli.output import write
    from service.cli.report import draw_dataset

    with connect(url, api_key) as client:
        dataset = client.datasets.get(dataset_id)
        report = client.datasets.report(dataset_id) if dataset.checked_at and not dataset.error else None
    write(dataset.model_dump(mode="json") | {"report": report}, draw_dataset(dataset, report), as_json=as_json)


@app.command()
def report(dataset_id: str, url: Url = DEFAULT_URL, api_key: ApiKey = None, as_json: AsJson = False) -> None:
    """What the validation of a dataset found. Exit status 1 if it cannot be trained on."""
    from service.cli.output import write
    from service.cli.report import draw_report

    with connect(url, api_key) as client:
        found = client.datasets.report(dataset_id)
    write(found, draw_report(found), as_json=as_json)
    raise typer.Exit(0 if found["ok"] else 1)


@app.command()
def samples(
    dataset_id: str,
    out: Annotated[Path | None, typer.Option(file_okay=False, help="Download the pictures into this folder.")] = None,
    url: Url = DEFAULT_URL,
    api_key: ApiKey = None,
    as_json: AsJson = False,
) -> None:
    """Pictures of some images under the colours of their masks, drawn by the validation."""
    from service.cli.output import table, write

    with connect(url, api_key) as client:
        found = client.datasets.samples(dataset_id)
        if out is not None:
            out.mkdir(parents=True, exist_ok=True)
            for each in found.data:
                client.datasets.sample(dataset_id, each.number, out / f"{each.number:03}.png")
    rows = [(each.number, each.split, each.name, each.url) for each in found.data]
    write(found, table(("number", "split", "image", "url"), rows), as_json=as_json)


@app.command()
def delete(dataset_id: str, url: Url = DEFAULT_URL, api_key: ApiKey = None) -> None:
    """Forget a dataset, and the files that were uploaded for it. Refused while something refers to it."""
    from service.cli.output import console

    with connect(url, api_key) as client:
        client.datasets.delete(dataset_id)
    console(stderr=True).print(f"✓ {dataset_id} is deleted")


@contextmanager
def _archive(source: Path) -> Iterator[Path]:
    """The archive itself, or one that is packed of a folder and goes with the block."""
    from tarfile import open as open_tar
    from tempfile import TemporaryDirectory

    if source.is_file():
        yield source
        return
    with TemporaryDirectory() as folder:
        packed = Path(folder) / f"{source.name}.tar"
        with open_tar(packed, "w", dereference=True) as tar:
            tar.add(source, ".")
        yield packed


def _send(client: Client, dataset_id: str, archive: Path) -> None:
    from service.cli.output import console, task

    with task(console(stderr=True), f"Sending {archive.name} to {dataset_id}") as tell:
        client.datasets.upload(dataset_id, archive, progress=tell)


def _conclude(client: Client, dataset_id: str, *, as_json: bool) -> None:
    """Wait for the validation, say what it found, and exit as it does."""
    from service.cli.output import console, task, write
    from service.cli.report import draw_dataset

    with task(console(stderr=True), f"Checking {dataset_id}"):
        dataset: Dataset = client.datasets.wait(dataset_id)
    found = None if dataset.error else client.datasets.report(dataset_id)
    write(dataset, draw_dataset(dataset, found), as_json=as_json)
    raise typer.Exit(0 if dataset.state == "ready" else 1)
