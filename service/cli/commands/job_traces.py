"""What a job has left: its log, its checkpoints, its pictures, and how it differs from another."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from service.cli.options import DEFAULT_URL, ApiKey, AsJson, Url, connect


def logs(
    job_id: str,
    tail: Annotated[int | None, typer.Option(min=1, max=100_000, help="Only so many lines of the end.")] = None,
    url: Url = DEFAULT_URL,
    api_key: ApiKey = None,
) -> None:
    """The log of a job as text, while it runs and after."""
    from service.cli.output import console

    with connect(url, api_key) as client:
        text = client.jobs.logs(job_id, tail=tail)
    console().print(text, end="")


def diff(left: str, right: str, url: Url = DEFAULT_URL, api_key: ApiKey = None, as_json: AsJson = False) -> None:
    """Where two jobs differ: request, data, versions of the code, results. Exit status 0 in either case."""
    from service.cli.output import table, write

    with connect(url, api_key) as client:
        found = client.jobs.diff(left, right)
    rows = [(each.path, _shown(each.left), _shown(each.right)) for each in found.differences]
    drawn = table(("what", left, right), rows) if rows else "They differ in nothing."
    write(found, drawn, as_json=as_json)


def checkpoints(job_id: str, url: Url = DEFAULT_URL, api_key: ApiKey = None, as_json: AsJson = False) -> None:
    """The states that its trainings could go on from, oldest first."""
    from service.cli.output import table, when, write

    with connect(url, api_key) as client:
        found = client.jobs.checkpoints(job_id)
    rows = [
        (each.stage, each.step, "" if each.size is None else f"{each.size / 1e6:.1f} MB", when(each.at))
        for each in found.data
    ]
    write(found, table(("stage", "step", "size", "written"), rows), as_json=as_json)


def previews(
    job_id: str,
    out: Annotated[Path, typer.Option("--out", help="Folder for the pictures; it is made.")] = Path("previews"),
    url: Url = DEFAULT_URL,
    api_key: ApiKey = None,
    as_json: AsJson = False,
) -> None:
    """Download the pictures that were drawn while a job trained: image, truth, prediction, errors."""
    from service.cli.output import short, write

    out.mkdir(parents=True, exist_ok=True)
    with connect(url, api_key) as client:
        found = list(client.jobs.previews(job_id))
        for each in found:
            client.jobs.preview(job_id, each.id, out / f"{each.stage}-{each.step or 0:08d}.png")
    said = f"{short(out)} holds the pictures: {len(found)}"
    write([each.model_dump(mode="json") for each in found], said, as_json=as_json)


def _shown(value: object) -> str:
    """A value as people read it; what is not there is a dash."""
    return "-" if value is None else f"{value:.4g}" if isinstance(value, float) else str(value)
