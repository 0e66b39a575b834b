"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")]
Url = Annotated[str, typer.Option("--url", envvar="BPKD_URL", help="Where the API is.", rich_help_panel="Connection")]
ApiKey = Annotated[
    str | None,
    typer.Option(
        "--api-key",
        envvar="BPKD_API_KEY",
        help="The key to send; on loopback none is needed.",
        show_envvar=True,
        rich_help_panel="Connection",
    ),
]
Home = Annotated[
    Path | None, typer.Option(help="Folder of the database, files and jobs. [default: BPKD_HOME, else ~/.bpkd]")
]
Host = Annotated[str | None, typer.Option(help="Address to listen on. [default: BPKD_HOST, else 127.0.0.1]")]
Port = Annotated[int | None, typer.Option(help="Port to listen on, 0 for a free one. [default: BPKD_PORT, else 8400]")]
ImportRoots = Annotated[
    list[Path] | None,
    typer.Option("--import-root", help="Folder that datasets may be registered from; may be given several times."),
]
DEFAULT_URL = "http://127.0.0.1:8400"
