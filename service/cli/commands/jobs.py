"""`bpkd jobs ...`: distillations on a server."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from service.cli.commands import job_traces
from service.cli.options import DEFAULT_URL, IMPATIENT, PATIENT, ApiKey, AsJson, Limit, Url, connect

if TYPE_CHECKING:
    from service.client import Client
    from service.schemas import Job

app = typer.Typer(
    no_args_is_help=True, help="Distillations on a server: submit, watch, cancel, go on, repeat, compare."
)


@app.command()
def submit(
    request: Annotated[
        Path, typer.Argument(exists=True, dir_okay=False, help="A job as YAML or JSON; see /v1/job-schema.")
    ],
    follow: Annotated[bool, typer.Option("--follow", help="Watch it to its end.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check and plan it, and store nothing.")] = False,
    url: Url = DEFAULT_URL,
    api_key: ApiKey = None,
    as_json: AsJson = False,
) -> None:
    """Submit a job. Every field but the dataset and the student has a default."""
    from service.cli.output import write
    from service.cli.report import draw_plan

    body = _read(request)
    with connect(url, api_key, tries=PATIENT if follow else IMPATIENT) as client:
        if dry_run:
            plan = client.jobs.plan(body)
            write(plan, draw_plan(plan), as_json=as_json)
            return
        _show_new(client, client.jobs.create(body), follow=follow, as_json=as_json)


@app.command("list")
def listing(
    status: Annotated[str | None, typer.Option(help="queued, running, succeeded, failed or cancelled.")] = None,
    name: Annotated[str | None, typer.Option(help="How the name begins.")] = None,
    dataset: Annotated[str | None, typer.Option(help="Id of the dataset.")] = None,
    metadata: Annotated[str | None, typer.Option(help="A pair that the job has, as key:value.")] = None,
    limit: Limit = 20,
    url: Url = DEFAULT_URL,
    api_key: ApiKey = None,
    as_json: AsJson = False,
) -> None:
    """The newest jobs."""
    from service.cli.output import table, when, write

    with connect(url, api_key) as client:
        found = client.jobs.list(limit=limit, status=status, name=name, dataset=dataset, metadata=metadata)
    rows = [(job.id, job.name, job.status, job.stage, _model(job), when(job.created_at)) for job in found.data]
    write(found, table(("id", "name", "status", "stage", "model", "created"), rows), as_json=as_json)


@app.command()
def show(job_id: str, url: Url = DEFAULT_URL, api_key: ApiKey = None, as_json: AsJson = False) -> None:
    """One job: where it stands, or what it came to."""
    from service.cli.output import write
    from service.cli.report import draw_job

    with connect(url, api_key) as client:
        job = client.jobs.get(job_id)
    write(job, draw_job(job), as_json=as_json)


@app.command()
def follow(job_id: str, url: Url = DEFAULT_URL, api_key: ApiKey = None, as_json: AsJson = False) -> None:
    """Watch a job to its end, over restarts of the server. With --json every event is a line.

    Ctrl-C ends the watching, not the job. Exit status 1 unless the job succeeded.
    """
    with connect(url, api_key, tries=PATIENT) as client:
        client.jobs.get(job_id)  # a wrong id fails at once
        _follow(client, job_id, as_json=as_json)


@app.command()
def cancel(job_id: str, url: Url = DEFAULT_URL, api_key: ApiKey = None, as_json: AsJson = False) -> None:
    """Wish a job to stop: a queued one does at once, a running one with its worker's next heartbeat."""
    from service.cli.output import write

    with connect(url, api_key) as client:
        job = client.jobs.cancel(job_id)
    write(job, f"{job.id} is {job.status}{', asked to stop' if job.status == 'running' else ''}", as_json=as_json)


@app.command()
def retry(
    job_id: str,
    follow: Annotated[bool, typer.Option("--follow", help="Watch it to its end.")] = False,
    url: Url = DEFAULT_URL,
    api_key: ApiKey = None,
    as_json: AsJson = False,
) -> None:
    """Go on with a job that failed or was cancelled: a new job, from the newest checkpoint of that one."""
    with connect(url, api_key, tries=PATIENT if follow else IMPATIENT) as client:
        _show_new(client, client.jobs.retry(job_id), follow=follow, as_json=as_json)


@app.command()
def repeat(
    job: Annotated[str, typer.Argument(help="Id of a job, or the file of a manifest that one left.")],
    name: Annotated[str | None, typer.Option(help="What to call the new job.")] = None,
    follow: Annotated[bool, typer.Option("--follow", help="Watch it to its end.")] = False,
    url: Url = DEFAULT_URL,
    api_key: ApiKey = None,
    as_json: AsJson = False,
) -> None:
    """Run a job again exactly: the same request, steps and seed, on data with the same hash."""
    manifest = _read(Path(job)) if Path(job).is_file() else job
    named = {} if name is None else {"name": name}
    with connect(url, api_key, tries=PATIENT if follow else IMPATIENT) as client:
        _show_new(client, client.jobs.repeat(manifest, **named), follow=follow, as_json=as_json)


for command in (job_traces.logs, job_traces.diff, job_traces.checkpoints, job_traces.previews):
    app.command()(command)


def _show_new(client: Client, job: Job, *, follow: bool, as_json: bool) -> None:
    """A job that was just made, or its whole course."""
    from service.cli.output import write
    from service.cli.report import draw_job

    if follow:
        _follow(client, job.id, as_json=as_json)
    else:
        write(job, draw_job(job), as_json=as_json)


def _follow(client: Client, job_id: str, *, as_json: bool) -> None:
    from service.cli.output import console, write_json
    from service.cli.report import draw_job
    from service.cli.watch import require_success, watch

    if as_json:
        for event in client.jobs.follow(job_id):
            write_json(event)
    else:
        watch(client.jobs.follow(job_id), console(), f"Job {job_id}")
    job = client.jobs.get(job_id)
    if not as_json:
        console().print(draw_job(job), soft_wrap=False)
    require_success(job)


def _model(job: Job) -> str | None:
    return f"{job.model}@{job.version}" if job.model else None


def _read(path: Path) -> dict[str, Any]:
    import yaml

    from bpkd_core.errors import InvalidSpec

    try:
        body = yaml.safe_load(path.read_text("utf-8"))
    except (UnicodeDecodeError, yaml.YAMLError) as error:
        raise InvalidSpec(f"{path} is neither YAML nor JSON ({str(error).splitlines()[0]})") from error
    if not isinstance(body, dict):
        raise InvalidSpec(f"{path} holds no fields; expected a job such as {{dataset: ds_..., student: {{arch: ...}}}}")
    return body
