"""`python -m bpkd_core.bench`: what `bpkd bench` runs in a process of its own. The answer is one line of JSON."""

from __future__ import annotations

import json
import sys
from typing import Annotated, Any

import torch
import typer

from bpkd_core.bench import loss as losses
from bpkd_core.bench import training as trainings
from bpkd_core.errors import BpkdError, InvalidInput

app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False, help=__doc__)


@app.command()
def loss(device: str = "cpu", classes: Annotated[list[int] | None, typer.Option()] = None) -> None:
    """Edge masks and losses: :func:`bpkd_core.bench.loss.measure`."""
    answer(device, losses.measure(found(device), tuple(classes or losses.CLASSES)))


@app.command()
def training(
    teacher: Annotated[str, typer.Option()],
    student: Annotated[str, typer.Option()],
    crop: Annotated[int, typer.Option()],
    batch: Annotated[int, typer.Option()],
    precision: Annotated[str, typer.Option()],
    device: str = "cpu",
    profiled: bool = False,
    compiled: bool = False,
) -> None:
    """Steps: :func:`bpkd_core.bench.training.measure`."""
    sides = {"profiled": profiled, "compiled": compiled}
    answer(device, trainings.measure(teacher, student, crop, batch, precision, found(device), **sides))


def found(device: str) -> torch.device:
    """The device of that name. Raises InvalidInput for one that is not here."""
    here = ["cpu", *(f"cuda:{number}" for number in range(torch.cuda.device_count()))]
    if (f"{device}:0" if device == "cuda" else device) not in here:
        raise InvalidInput(f'The device is "{device}"; expected one of {", ".join(here)}.', param="device")
    return torch.device(device)


def answer(device: str, measured: dict[str, Any]) -> None:
    """Print it, with what it was measured on."""
    name = torch.cuda.get_device_name(device) if device.startswith("cuda") else "cpu"
    machine = {"device": name, "threads": torch.get_num_threads(), "torch": torch.__version__}
    print(json.dumps(machine | measured), flush=True)  # noqa: T201 - the protocol


if __name__ == "__main__":
    try:
        app()
    except BpkdError as error:
        sys.exit(json.dumps(error.to_dict()))
