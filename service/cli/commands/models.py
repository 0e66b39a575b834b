"""`bpkd models ...`: published networks, which of them serves, and their files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from service.cli.options import DEFAULT_URL, ApiKey, AsJson, Limit, Url, connect

app = typer.Typer(no_args_is_help=True, help="Published networks: list, show, promote, roll back, download.")
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
