"""Options that several commands share, and the connection that --url and --api-key make."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from service.client import Client

DEFAULT_URL = "http://127.0.0.1:8400"
CONNECTION = "Connection"
IMPATIENT, PATIENT = 4, 60
"""How often a request is tried: about a second where a person waits, minutes where a job is watched over restarts."""

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")]
Url = Annotated[str, typer.Option("--url", envvar="BPKD_URL", help="Where the API is.", rich_help_panel=CONNECTION)]
ApiKey = Annotated[
    str | None,
    typer.Option(
        "--api-key",
        envvar="BPKD_API_KEY",
        help="The key to send; an API on loopback needs none.",
        rich_help_panel=CONNECTION,
    ),
]
Home = Annotated[
    Path | None, typer.Option(help="Folder of the database, files and jobs. [default: BPKD_HOME, else ~/.bpkd]")
]
Host = Annotated[str | None, typer.Option(help="Address to listen on. [default: BPKD_HOST, else 127.0.0.1]")]
Port = Annotated[
    int | None,
    typer.Option(min=0, max=65535, help="Port to listen on, 0 for a free one. [default: BPKD_PORT, else 8400]"),
]
ImportRoots = Annotated[
    list[Path] | None,
    typer.Option("--import-root", help="Folder that datasets may be registered from; may be given several times."),
]
Limit = Annotated[int, typer.Option(min=1, max=100, help="How many to show.")]


@contextmanager
def connect(url: str, api_key: str | None, *, tries: int = IMPATIENT) -> Iterator[Client]:
    """A client for one command; without a key, with the one that this machine's own server lets in first.

    Raises InvalidInput for an address that is none, and what the client raises.
    """
    from httpx import InvalidURL

    from bpkd_core.errors import InvalidInput
    from service.client import Client, Patience
    from service.settings import read_settings

    try:
        client = Client(url, api_key or read_settings().first_key, patience=Patience(tries=tries))
    except InvalidURL as error:
        raise InvalidInput(f"{url} is no address ({error}); expected one such as {DEFAULT_URL}") from error
    with client:
        yield client
