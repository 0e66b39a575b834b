"""`bpkd up`, `bpkd api`, `bpkd worker`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from service.cli.options import Home, Host, ImportRoots, Port

FINISH_S = 15.0  # after a trainer's grace, for the worker to give its job back


def up(home: Home = None, host: Host = None, port: Port = None, import_roots: ImportRoots = None) -> None:
    """Run API and worker on this machine: SQLite and files, nothing else needed.

    Whichever of the two dies is started again; Ctrl-C lets both finish what they have begun.
    """
    from service.cli.children import take_port, url_for
    from service.cli.output import console
    from service.cli.up import Plan, Supervisor, stopped_by_signals
    from service.settings import read_settings

    given = _variables(home, host, port, import_roots)
    settings = read_settings(**{name.removeprefix("BPKD_").lower(): value for name, value in given.items()})
    chosen = take_port(settings.host, settings.port)
    variables = given | {"BPKD_PORT": str(chosen)}
    url = url_for(settings.host, chosen)
    plan = Plan.of(settings.home.absolute(), url, variables, drain_s=settings.grace_s + FINISH_S)
    supervisor, screen = Supervisor(plan), console()
    with stopped_by_signals(supervisor):
        screen.print("Starting ...")
        supervisor.run(lambda url: screen.print(f"bpkd is up at {url} (logs in {plan.logs}); Ctrl-C stops it"))
    screen.print("Stopped")


def api(home: Home = None, host: Host = None, port: Port = None, import_roots: ImportRoots = None) -> None:
    """Run the API alone: one process, for compose files and real deployments. Settings: BPKD_* variables."""
    _become("service.api", _variables(home, host, port, import_roots))


def worker(
    home: Home = None,
    celery: Annotated[
        bool, typer.Option("--celery", help="Also take hints from the broker at BPKD_REDIS_URL.")
    ] = False,
) -> None:
    """Run a worker alone: it claims jobs and supervises their trainers. Settings: BPKD_* variables."""
    _become("worker", _variables(home, None, None, None), *(["--celery"] if celery else []))


def _variables(
    home: Path | None, host: str | None, port: int | None, import_roots: list[Path] | None
) -> dict[str, str | None]:
    """Options as settings, without those that were not given."""
    roots = os.pathsep.join(str(root.absolute()) for root in import_roots or [])
    values = {
        "BPKD_HOME": home and str(home.absolute()),
        "BPKD_HOST": host,
        "BPKD_PORT": None if port is None else str(port),
        "BPKD_IMPORT_ROOTS": roots or None,
    }
    return {name: value for name, value in values.items() if value is not None}


def _become(module: str, variables: dict[str, str | None], *arguments: str) -> None:
    """Replace this process, so that signals and exit codes are the server's own."""
    from service.cli.children import module_command

    command = [*module_command(module, variables), *arguments]
    os.execvp(command[0], command)  # noqa: S606  # nosec B606  # no shell is the point
