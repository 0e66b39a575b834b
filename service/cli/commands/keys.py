"""`bpkd keys ...`: who may use an API that listens beyond this machine."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bpkd_core.errors import InvalidInput
from service.cli.options import AsJson, Home

if TYPE_CHECKING:
    from service.domain.keys import ApiKey
    from service.wiring import Service

app = typer.Typer(no_args_is_help=True, help="API keys. They work on the server's own database, not over HTTP.")


class Scope(StrEnum):
    """What a key may do."""

    READ = "read"
    WRITE = "write"
    INFER = "infer"
    ADMIN = "admin"


USUAL = (Scope.READ, Scope.WRITE, Scope.INFER)


@app.command()
def create(
    name: Annotated[str, typer.Argument(help="Who or what it is for.")],
    scope: Annotated[
        list[Scope] | None,
        typer.Option(help="What it may do; may be given several times. admin: everything. [default: all but admin]"),
    ] = None,
    expires: Annotated[
        str | None, typer.Option(help="When it ends: 90d, 12h or 30m from now. [default: never]")
    ] = None,
    max_running: Annotated[int | None, typer.Option(min=0, help="Jobs of this key that may run at once.")] = None,
    max_queued: Annotated[int | None, typer.Option(min=0, help="Jobs of this key that may wait.")] = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Make a key and print it. It is shown this once; only its hash is stored."""
    from service.cli.output import write
    from service.domain.keys import SECRET_BYTES, ApiKey, digest, secret_of

    lifetime = None if expires is None else parse_lifetime(expires)
    with _store(home) as service:
        secret, now = secret_of(service.entropy(SECRET_BYTES)), service.now()
        key = ApiKey(
            service.new_id("key"),
            name,
            digest(secret),
            now,
            scopes=tuple(dict.fromkeys(each.value for each in scope or USUAL)),
            expires_at=None if lifetime is None else now + lifetime,
            max_running=max_running,
            max_queued=max_queued,
        )
        service.keys.add(key)
    write({**_facts(key), "secret": secret}, secret, as_json=as_json)


@app.command("list")
def listing(home: Home = None, as_json: AsJson = False) -> None:
    """Every key, without its secret, which nobody knows."""
    from service.cli.output import table, write

    with _store(home) as service:
        keys = service.keys.list()
    columns = ("id", "name", "scopes", "running", "queued", "created", "expires", "last used")
    write(
        {"object": "list", "data": [_facts(key) for key in keys]},
        table(columns, [_row(key) for key in keys]),
        as_json=as_json,
    )


@app.command()
def revoke(key_id: Annotated[str, typer.Argument(help="Its id, key_...")], home: Home = None) -> None:
    """Forget a key; the next request with it is refused. Its jobs go on."""
    with _store(home) as service:
        service.keys.revoke(key_id)


def parse_lifetime(text: str) -> timedelta:
    """`90d`, `12h` or `30m`. Raises InvalidInput."""
    units = {"d": "days", "h": "hours", "m": "minutes"}
    found = re.fullmatch(r"([1-9]\d{0,5})([dhm])", text)
    if found is None:
        raise InvalidInput(f'--expires is "{text}"; expected a number and d, h or m, such as 90d', param="expires")
    return timedelta(**{units[found[2]]: int(found[1])})


def _facts(key: ApiKey) -> dict[str, Any]:
    """All but the hash, as JSON."""
    facts = {name: value for name, value in asdict(key).items() if name != "sha256"}
    return {name: value.isoformat() if isinstance(value, datetime) else value for name, value in facts.items()}


def _row(key: ApiKey) -> tuple[object, ...]:
    from service.cli.output import when

    moments = (key.created_at, key.expires_at, key.last_used_at)
    times = (None if moment is None else when(moment) for moment in moments)
    return (key.id, key.name, " ".join(key.scopes), key.max_running, key.max_queued, *times)


@contextmanager
def _store(home: Home) -> Iterator[Service]:
    from service.settings import read_settings
    from service.wiring import wire

    service = wire(read_settings(**({} if home is None else {"home": home})))
    try:
        yield service
    finally:
        service.close()
