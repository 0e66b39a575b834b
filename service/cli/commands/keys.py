"""`bpkd keys ...`: who may use an API that listens beyond this machine."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from service.cli.options import AsJson, Home

if TYPE_CHECKING:
    from service.wiring import Service

app = typer.Typer(no_args_is_help=True, help="API keys. They work on the server's own database, not over HTTP.")


@app.command()
def create(
    name: Annotated[str, typer.Argument(help="Who or what it is for.")], home: Home = None, as_json: AsJson = False
) -> None:
    """Make a key and print it. It is shown this once; only its hash is stored."""
    from service.cli.output import write
    from service.domain.keys import SECRET_BYTES, ApiKey, digest, secret_of

    with _store(home) as service:
        secret = secret_of(service.entropy(SECRET_BYTES))
        key = ApiKey(service.new_id("key"), name, digest(secret), service.now())
        service.keys.add(key)
    write({"id": key.id, "name": name, "secret": secret}, secret, as_json=as_json)


@app.command("list")
def listing(home: Home = None, as_json: AsJson = False) -> None:
    """Every key, without its secret, which nobody knows."""
    from service.cli.output import table, when, write

    with _store(home) as service:
        keys = service.keys.list()
    data = [{"id": key.id, "name": key.name, "created_at": key.created_at.isoformat()} for key in keys]
    rows = [(key.id, key.name, when(key.created_at)) for key in keys]
    write({"object": "list", "data": data}, table(("id", "name", "created"), rows), as_json=as_json)


@app.command()
def revoke(key_id: Annotated[str, typer.Argument(help="Its id, key_...")], home: Home = None) -> None:
    """Forget a key; requests with it are refused from now on."""
    with _store(home) as service:
        service.keys.revoke(key_id)


@contextmanager
def _store(home: Home) -> Iterator[Service]:
    from service.settings import read_settings
    from service.wiring import wire

    service = wire(read_settings(**({} if home is None else {"home": home})))
    try:
        yield service
    finally:
        service.close()
