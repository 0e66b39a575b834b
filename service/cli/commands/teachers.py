"""`bpkd teachers ...`: files that can teach, on a server."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from service.cli.commands.teacher import Arch, ClassMap, Color, Scale, reading
from service.cli.options import DEFAULT_URL, ApiKey, AsJson, Limit, Url, connect

app = typer.Typer(no_args_is_help=True, help="Teachers of a server: register, list, show, probe, delete.")
DatasetId = Annotated[str, typer.Option("--dataset", help="Id of the dataset that it is tried on and answers in.")]


@app.command()
def register(
    file: Annotated[Path, typer.Argument(help="An ONNX file that scores pixels, or a network's weights.")],
    dataset: DatasetId,
    name: Annotated[str | None, typer.Option(help="[default: the file's name]")] = None,
    arch: Arch = None,
    color: Color = None,
    scale: Scale = None,
    class_map: ClassMap = None,
    on_server: Annotated[
        bool, typer.Option("--on-server", help="FILE is a path of the server, in its import roots: nothing is sent.")
    ] = False,
    url: Url = DEFAULT_URL,
    api_key: ApiKey = None,
    as_json: AsJson = False,
) -> None:
    """Send a file, have it probed, and say what was found. Exit status 1 if it is refused.

    The options say what to check; what is left out is found. A job names the teacher by its id.
    """
    from service.cli.output import console, task, write
    from service.cli.probe import draw_teacher

    kind = reading(arch, color, scale, class_map)
    screen, path = console(stderr=True), str(file) if on_server else None
    if not on_server and not file.is_file():
        raise typer.BadParameter(f"There is no file {file}; expected one to send, or --on-server.")
    with connect(url, api_key) as client:
        teacher = client.teachers.create(name or file.name, dataset, file=kind, path=path)
        if not on_server:
            with task(screen, f"Sending {file.name}") as tell:
                client.teachers.upload(teacher.id, file, progress=tell)
        with task(screen, f"Probing {file.name}"):
            teacher = client.teachers.wait(teacher.id)
        found = client.teachers.probe(teacher.id) if teacher.miou is not None else None
    write(teacher, draw_teacher(teacher, found), as_json=as_json)
    raise typer.Exit(0 if teacher.state == "ready" else 1)


@app.command("list")
def listing(
    state: Annotated[str | None, typer.Option(help="uploading, probing, ready or refused.")] = None,
    dataset: Annotated[str | None, typer.Option(help="Only those that were tried on this dataset.")] = None,
    limit: Limit = 20,
    url: Url = DEFAULT_URL,
    api_key: ApiKey = None,
    as_json: AsJson = False,
) -> None:
    """The newest teachers."""
    from service.cli.output import percent, table, when, write

    with connect(url, api_key) as client:
        found = client.teachers.list(limit=limit, state=state, dataset=dataset)
    rows = [
        (each.id, each.name, each.file["type"], each.state, percent(each.miou), each.dataset, when(each.created_at))
        for each in found.data
    ]
    write(found, table(("id", "name", "file", "state", "mIoU", "dataset", "created"), rows), as_json=as_json)


@app.command()
def show(teacher_id: str, url: Url = DEFAULT_URL, api_key: ApiKey = None, as_json: AsJson = False) -> None:
    """One teacher, and what is to be done with it."""
    from service.cli.output import write
    from service.cli.probe import draw_teacher

    with connect(url, api_key) as client:
        teacher = client.teachers.get(teacher_id)
    write(teacher, draw_teacher(teacher), as_json=as_json)


@app.command()
def probe(teacher_id: str, url: Url = DEFAULT_URL, api_key: ApiKey = None, as_json: AsJson = False) -> None:
    """What a teacher's probe found: every way in which its file was read, with its mIoU."""
    from service.cli.output import write
    from service.cli.probe import draw_teacher

    with connect(url, api_key) as client:
        found, teacher = client.teachers.probe(teacher_id), client.teachers.get(teacher_id)
    write(found, draw_teacher(teacher, found), as_json=as_json)


@app.command()
def delete(teacher_id: str, url: Url = DEFAULT_URL, api_key: ApiKey = None) -> None:
    """Forget a teacher. Refused while a job that has not ended learns from it."""
    with connect(url, api_key) as client:
        client.teachers.delete(teacher_id)
