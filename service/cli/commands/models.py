"""`bpkd models ...`: published networks, which of them serves, and their files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from service.cli.options import DEFAULT_URL, ApiKey, AsJson, Limit, Url, connect

if TYPE_CHECKING:
    from bpkd_core.bundle import ClassInfo

app = typer.Typer(no_args_is_help=True, help="Published networks: import, list, show, promote, roll back, download.")
Name = Annotated[str, typer.Argument(help="The model's name.")]
Alias = Annotated[str, typer.Option(help="The alias; `production` serves when a request names none.")]
Reason = Annotated[str | None, typer.Option(help="Why, for the alias's history.")]
AnyVersion = Annotated[int | None, typer.Option("--version", min=1, help="Of all versions this one.")]
PRODUCTION = "production"


@app.command("list")
def listing(limit: Limit = 20, url: Url = DEFAULT_URL, api_key: ApiKey = None, as_json: AsJson = False) -> None:
    """Models by name, and where their aliases point."""
    from service.cli.output import table, when, write
    from service.cli.report import describe_aliases

    with connect(url, api_key) as client:
        found = client.models.list(limit=limit)
    rows = [(each.name, each.latest_version, describe_aliases(each), when(each.created_at)) for each in found.data]
    write(found, table(("name", "versions", "aliases", "created"), rows), as_json=as_json)


@app.command()
def show(
    name: Name, version: AnyVersion = None, url: Url = DEFAULT_URL, api_key: ApiKey = None, as_json: AsJson = False
) -> None:
    """A model and its versions; with --version, what was measured of one."""
    from service.cli.output import write
    from service.cli.report import draw_model, draw_result

    with connect(url, api_key) as client:
        if version is not None:
            result = client.models.report(name, version)
            write(result, draw_result(result), as_json=as_json)
            return
        model, versions = client.models.get(name), client.models.versions(name)
    everything = model.model_dump(mode="json") | {"versions": versions.model_dump(mode="json")["data"]}
    write(everything, draw_model(model, versions.data), as_json=as_json)


@app.command()
def promote(
    name: Name,
    version: Annotated[int, typer.Argument(min=1, help="The version that is to serve.")],
    alias: Alias = PRODUCTION,
    reason: Reason = None,
    url: Url = DEFAULT_URL,
    api_key: ApiKey = None,
    as_json: AsJson = False,
) -> None:
    """Point an alias at a version. A version that cannot be served changes nothing."""
    from service.cli.output import write

    with connect(url, api_key) as client:
        moved = client.models.promote(name, version, alias, reason=reason)
    write(moved, f"{name}: {alias} is version {moved.version}", as_json=as_json)


@app.command()
def rollback(
    name: Name,
    alias: Alias = PRODUCTION,
    reason: Reason = None,
    url: Url = DEFAULT_URL,
    api_key: ApiKey = None,
    as_json: AsJson = False,
) -> None:
    """Point an alias back at the version before; again goes one further back."""
    from service.cli.output import write

    with connect(url, api_key) as client:
        moved = client.models.rollback(name, alias, reason=reason)
    write(moved, f"{name}: {alias} is version {moved.version} again", as_json=as_json)


@app.command()
def download(
    name: Name,
    alias: Alias = PRODUCTION,
    version: AnyVersion = None,
    out: Annotated[Path | None, typer.Option(dir_okay=False, help="[default: NAME-VERSION.onnx]")] = None,
    url: Url = DEFAULT_URL,
    api_key: ApiKey = None,
    as_json: AsJson = False,
) -> None:
    """Save the ONNX file of the version that an alias points to; it is compared with its hash."""
    from service.cli.output import write

    with connect(url, api_key) as client:
        number = version or client.models.alias(name, alias).version
        path = client.models.download(name, number, out or Path(f"{name}-{number}.onnx"))
    write({"model": name, "version": number, "path": str(path)}, f"{name}@{number} is in {path}", as_json=as_json)


@app.command("import")
def import_(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="An ONNX file: pixels in, class ids out.")],
    name: Annotated[str, typer.Option(help="The model that it becomes a version of.")],
    classes: Annotated[
        Path | None,
        typer.Option(exists=True, dir_okay=False, help="A classes.json, for a file that does not name its classes."),
    ] = None,
    alias: Annotated[str | None, typer.Option(help="Move this alias to the new version.")] = None,
    url: Url = DEFAULT_URL,
    api_key: ApiKey = None,
    as_json: AsJson = False,
) -> None:
    """Register a student that came from elsewhere. The server runs it at several sizes first."""
    from service.cli.output import console, task, write

    known = _read_classes(classes) if classes else None
    with connect(url, api_key) as client, task(console(stderr=True), f"Sending {file.name}") as tell:
        version = client.models.import_file(name, file, classes=known, alias=alias, progress=tell)
    served = f"; {alias} is version {version.version}" if alias else ""
    write(version, f"{name}@{version.version} is registered{served}", as_json=as_json)


@app.command()
def card(
    name: Name,
    version: Annotated[int, typer.Option(min=1, help="Of all versions this one.")],
    html: Annotated[bool, typer.Option("--html", help="A page instead of Markdown.")] = False,
    out: Annotated[Path | None, typer.Option(dir_okay=False, help="[default: standard output]")] = None,
    url: Url = DEFAULT_URL,
    api_key: ApiKey = None,
) -> None:
    """The model card: what it is, what of, how good, how to use it."""
    from service.cli.output import console

    with connect(url, api_key) as client:
        text = client.models.card(name, version, form="text/html" if html else "text/markdown")
    if out is None:
        console().print(text, soft_wrap=True, end="")
    else:
        out.write_text(text, "utf-8")


@app.command()
def history(
    name: Name, alias: Alias = PRODUCTION, url: Url = DEFAULT_URL, api_key: ApiKey = None, as_json: AsJson = False
) -> None:
    """Every move of an alias, oldest first: what served, since when, by whom and why."""
    from service.cli.output import table, when, write

    with connect(url, api_key) as client:
        found = client.models.history(name, alias)
    rows = [(when(move.at), move.kind, move.from_version, move.to_version, move.by, move.reason) for move in found.data]
    write(found, table(("when", "what", "from", "to", "by", "reason"), rows), as_json=as_json)


@app.command()
def trace(prediction_id: str, url: Url = DEFAULT_URL, api_key: ApiKey = None, as_json: AsJson = False) -> None:
    """Where a mask comes from, by its X-Prediction-Id: version, job, data, teacher."""
    from service.cli.output import facts, write

    with connect(url, api_key) as client:
        found = client.models.trace(prediction_id)
    write(found, facts(found.model_dump(mode="json", exclude={"object"})), as_json=as_json)


@app.command()
def delete(
    name: Name,
    version: Annotated[int | None, typer.Option(min=1, help="Only this version.")] = None,
    alias: Annotated[str | None, typer.Option(help="Only this alias: nothing is served under it any more.")] = None,
    url: Url = DEFAULT_URL,
    api_key: ApiKey = None,
) -> None:
    """Forget a model, a version or an alias. What an alias points to is not deleted."""
    from service.cli.output import console

    if version is not None and alias is not None:
        raise typer.BadParameter("give either --version or --alias")
    with connect(url, api_key) as client:
        if alias is not None:
            client.models.remove_alias(name, alias)
        else:
            client.models.delete(name, version)
    what = f"{name}:{alias}" if alias else f"{name}@{version}" if version else name
    console().print(f"{what} is deleted")


def _read_classes(path: Path) -> list[ClassInfo]:
    from pydantic import TypeAdapter, ValidationError

    from bpkd_core.bundle import ClassInfo
    from bpkd_core.errors import InvalidSpec

    try:
        return TypeAdapter(list[ClassInfo]).validate_json(path.read_bytes())
    except ValidationError as error:
        raise InvalidSpec(f"{path} is no list of classes; expected [{{id, name, color}}, ...]") from error
