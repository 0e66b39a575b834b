"""`bpkd demo`."""

from __future__ import annotations

import shlex
import signal
import sys
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from service.cli.options import DEFAULT_URL, ApiKey, AsJson

if TYPE_CHECKING:
    from rich.console import Console

    from service.cli.wish import Outcome


def demo(
    data: Annotated[
        Path | None,
        typer.Option(
            exists=True,
            file_okay=False,
            help="Your own dataset: images/, masks/, classes.json. [default: drawn streets]",
        ),
    ] = None,
    minutes: Annotated[float, typer.Option(min=2, help="Time for everything, on this machine.")] = 8.0,
    home: Annotated[Path, typer.Option(help="Where data, database, models and results are kept.")] = Path("bpkd-demo"),
    seed: Annotated[int, typer.Option(min=0, help="Seed of the drawn scenes and of the training.")] = 0,
    steps: Annotated[
        int | None, typer.Option(min=1, help="Train each network for so many steps, instead of a time budget.")
    ] = None,
    scenes: Annotated[int, typer.Option(min=8, help="How many scenes to draw for training.")] = 600,
    keep_serving: Annotated[
        bool, typer.Option("--keep-serving", help="Go on serving the student until Ctrl-C.")
    ] = False,
    server: Annotated[
        str | None, typer.Option(help="Use the API at this address, and upload the dataset to it.")
    ] = None,
    api_key: ApiKey = None,
    as_json: AsJson = False,
) -> None:
    """Dataset to served mask: train a teacher, distil a student, measure, export, serve.

    Draws its own street scenes unless --data names a dataset. Broken off and started again with the same options, it
    goes on where it was.
    """
    from service.cli.demo import demo as run_demo
    from service.cli.output import console, write_json
    from service.cli.wish import Wish

    signal.signal(signal.SIGTERM, _leave)
    screen = console(stderr=as_json)
    wish = Wish(home, data, minutes, seed, steps, scenes)
    with run_demo(wish, screen, server=server, api_key=api_key) as outcome:
        if as_json:
            write_json(outcome.to_dict())
            sys.stdout.flush()
        else:
            _show(outcome, screen, server)
        if keep_serving and server is None:
            screen.print(f"Serving {outcome.job.model} at {outcome.url} until Ctrl-C")
            with suppress(KeyboardInterrupt):
                signal.pause()


def _show(outcome: Outcome, screen: Console, server: str | None) -> None:
    from service.cli.output import facts, minutes, short
    from service.cli.report import draw_result

    screen.print()
    screen.print(draw_result(outcome.result), soft_wrap=False)
    screen.print()
    places = {
        "picture": short(outcome.picture),
        "report": short(outcome.report),
        "student": short(outcome.student_onnx),
        "masks": short(outcome.masks[0].parent),
        "model": f"{outcome.job.model}@{outcome.job.version}, alias production",
        "took": minutes(outcome.seconds),
    }
    screen.print(facts(places), soft_wrap=False)
    image, home = shlex.quote(short(outcome.images[0])), shlex.quote(short(outcome.home))
    if server is None:
        screen.print(f"\nServe it:   bpkd up --home {home}")
    screen.print(f"Ask it:     bpkd predict {image} --model {outcome.job.model} --out mask.png")
    infer = f"{server or DEFAULT_URL}/v1/models/{outcome.job.model}/infer"
    screen.print(f"or          curl --data-binary @{image} {infer} -o mask.png")


def _leave(_number: int, _frame: FrameType | None) -> NoReturn:
    """SIGTERM ends a demo as Ctrl-C does, with everything that it has started."""
    raise KeyboardInterrupt
