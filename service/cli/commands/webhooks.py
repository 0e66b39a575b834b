"""`bpkd webhooks ...`: who is told of a server's jobs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, cast

import typer

from service.cli.options import DEFAULT_URL, ApiKey, AsJson, Limit, Url, connect

if TYPE_CHECKING:
    from service.schemas import Delivery, JobEvent

app = typer.Typer(
    no_args_is_help=True, help="Addresses that a server tells of its jobs: create, list, try, look at what was sent."
)
WebhookId = Annotated[str, typer.Argument(help="Its id, wh_...")]


@app.command()
def create(
    address: Annotated[str, typer.Argument(help="Where to send: https:, or http: to a host that the server allows.")],
    event: Annotated[
        list[str] | None,
        typer.Option(help="What to tell, such as job.succeeded; may be given several times. [default: all]"),
    ] = None,
    description: Annotated[str, typer.Option(help="What it is for.")] = "",
    url: Url = DEFAULT_URL,
    api_key: ApiKey = None,
    as_json: AsJson = False,
) -> None:
    """Be told of every job. Prints the secret that signs, this once."""
    from service.cli.output import facts, write

    with connect(url, api_key) as client:
        webhook = client.webhooks.create(address, events=cast("list[JobEvent]", event or []), description=description)
    write(webhook, facts({"id": webhook.id, "secret": webhook.secret}), as_json=as_json)


@app.command("list")
def listing(
    job: Annotated[str | None, typer.Option(help="Only those that this job has brought.")] = None,
    limit: Limit = 20,
    url: Url = DEFAULT_URL,
    api_key: ApiKey = None,
    as_json: AsJson = False,
) -> None:
    """The newest webhooks, and whether they answer."""
    from service.cli.output import table, write

    with connect(url, api_key) as client:
        found = client.webhooks.list(limit=limit, job=job)
    rows = [(each.id, each.state, each.url, " ".join(each.events) or "all", each.description) for each in found.data]
    write(found, table(("id", "state", "address", "events", "description"), rows), as_json=as_json)


@app.command()
def delete(webhook_id: WebhookId, url: Url = DEFAULT_URL, api_key: ApiKey = None) -> None:
    """Tell it nothing more, and forget what was sent to it."""
    with connect(url, api_key) as client:
        client.webhooks.delete(webhook_id)


@app.command()
def rotate(webhook_id: WebhookId, url: Url = DEFAULT_URL, api_key: ApiKey = None, as_json: AsJson = False) -> None:
    """Print a new secret; the one before signs too for 24 hours."""
    from service.cli.output import write

    with connect(url, api_key) as client:
        webhook = client.webhooks.rotate(webhook_id)
    write(webhook, webhook.secret or "", as_json=as_json)


@app.command()
def ping(webhook_id: WebhookId, url: Url = DEFAULT_URL, api_key: ApiKey = None, as_json: AsJson = False) -> None:
    """Send it a message that says nothing. A disabled webhook is enabled."""
    from service.cli.output import write

    with connect(url, api_key) as client:
        delivery = client.webhooks.ping(webhook_id)
    write(delivery, _queued(delivery), as_json=as_json)


@app.command()
def deliveries(
    webhook_id: WebhookId, limit: Limit = 20, url: Url = DEFAULT_URL, api_key: ApiKey = None, as_json: AsJson = False
) -> None:
    """What was sent and what came back, the newest first."""
    from service.cli.output import table, when, write

    with connect(url, api_key) as client:
        found = client.webhooks.deliveries(webhook_id, limit=limit)
    rows = [
        (each.number, each.type, when(each.created_at), each.state, len(each.attempts), _said(each))
        for each in found.data
    ]
    write(found, table(("number", "event", "created", "state", "tries", "the last said"), rows), as_json=as_json)


@app.command()
def replay(
    webhook_id: WebhookId,
    number: Annotated[int, typer.Argument(min=1, help="The delivery's number.")],
    url: Url = DEFAULT_URL,
    api_key: ApiKey = None,
    as_json: AsJson = False,
) -> None:
    """Send a message again, under its webhook-id of then."""
    from service.cli.output import write

    with connect(url, api_key) as client:
        delivery = client.webhooks.replay(webhook_id, number)
    write(delivery, _queued(delivery), as_json=as_json)


def _queued(delivery: Delivery) -> str:
    return f"Delivery {delivery.number} is queued; see `bpkd webhooks deliveries {delivery.webhook}`"


def _said(delivery: Delivery) -> str | None:
    """The last try in a line."""
    if not delivery.attempts:
        return None
    last = delivery.attempts[-1]
    return last.error or f"{last.status} {last.answer.splitlines()[0] if last.answer else ''}".strip()
