"""`bpkd bench`: what the method costs on this machine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import typer

from service.cli.options import AsJson

app = typer.Typer(help="Measure what the method costs on this machine.", no_args_is_help=True)
Device = Annotated[str, typer.Option(help="cpu, or a GPU: cuda, cuda:1.")]

HEADINGS = {
    "masks": "Edge masks of 4 x 512 x 512 labels at 64 x 64: ours, and one-hot with max-pooling",
    "peers": "The same masks by other libraries, on labels without void",
    "losses": "Losses on 4 x C x 64 x 64 logits, forward and backward; whole: edge masks included",
    "profile": "The operators that a BPKD step spends its time in",
}


@app.command()
def loss(
    classes: Annotated[
        list[int] | None, typer.Option(min=2, max=254, help="Numbers of classes. [default: 19 and 150]")
    ] = None,
    device: Device = "cpu",
    as_json: AsJson = False,
) -> None:
    """Time and memory of the edge masks and of the losses, beside the textbook's and beside CWD. Two minutes on a CPU.

    With one thread (OMP_NUM_THREADS=1) times are CPU time, so other work on the machine does not count.
    """
    chosen = [option for number in classes or () for option in ("--classes", str(number))]
    show(measure("loss", "--device", device, *chosen), as_json=as_json)


@app.command()
def training(
    teacher: Annotated[str, typer.Option(help="A network of the catalog.")] = "pspnet_r101",
    student: Annotated[str, typer.Option(help="A network of the catalog.")] = "pspnet_r18",
    crop: Annotated[int, typer.Option(min=32, max=4096, help="Side of the images.")] = 128,
    batch: Annotated[int, typer.Option(min=2, max=1024, help="Images a step.")] = 4,
    precision: Annotated[str, typer.Option(help="Of our loop: auto, fp32, bf16 or fp16.")] = "auto",
    device: Device = "cpu",
    profile: Annotated[bool, typer.Option("--profile", help="Add the operators that take the time.")] = False,
    compiled: Annotated[bool, typer.Option("--compile", help="Add a side whose student is compiled.")] = False,
    as_json: AsJson = False,
) -> None:
    """Images a second of a BPKD step, beside plain distillation (kd) and beside a plain float32 loop."""
    sizes = ("--crop", str(crop), "--batch", str(batch), "--precision", precision)
    names = ("--teacher", teacher, "--student", student)
    sides = [option for option, wanted in (("--profiled", profile), ("--compiled", compiled)) if wanted]
    show(measure("training", *names, *sizes, "--device", device, *sides), as_json=as_json)


def measure(*arguments: str) -> dict[str, Any]:
    """The answer of `python -m bpkd_core.bench`: torch stays out of this process. Raises BpkdError with its words."""
    import json
    import subprocess

    from bpkd_core.errors import BpkdError
    from bpkd_core.leash import leashed
    from service.cli.children import module_command
    from service.cli.trainer import require_trainer

    require_trainer()
    command = leashed([*module_command("bpkd_core.bench", {}), *arguments])
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603  # ours, without a shell
    if done.returncode != 0:
        *_, last = ["", *done.stderr.strip().splitlines()]
        if last.startswith("{"):  # an error of ours
            raise BpkdError.from_dict(json.loads(last))
        raise BpkdError(f"The benchmark failed: {last or f'it ended with code {done.returncode}'}")
    return json.loads(done.stdout.splitlines()[-1])


def show(measured: Mapping[str, Any], *, as_json: bool) -> None:
    """As JSON, or the single values first and then each table."""
    from service.cli.output import console, facts, table, write_json

    if as_json:
        return write_json(measured)
    screen = console()
    tables = {name: rows for name, rows in measured.items() if isinstance(rows, Sequence) and not isinstance(rows, str)}
    screen.print(facts({words(name): shown(value) for name, value in measured.items() if name not in tables}))
    for name, rows in tables.items():
        columns = list(dict.fromkeys(column for row in rows for column in row))
        screen.print(f"\n{HEADINGS[name]}")
        screen.print(table([words(c) for c in columns], [[shown(row.get(c)) for c in columns] for row in rows]))
    return None


def words(name: str) -> str:
    """`times_faster` as it is read."""
    return name.replace("_", " ")


def shown(value: object) -> str | None:
    """A number to three digits, truth as a word."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.3g}" if isinstance(value, float) else None if value is None else str(value)
