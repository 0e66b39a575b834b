"""`bpkd teacher probe`: how somebody's file is to be read, before a student learns from it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from service.cli.options import AsJson

app = typer.Typer(no_args_is_help=True, help="Look at a teacher on this machine; no server needed.")
Arch = Annotated[str | None, typer.Option(help="The file holds weights of this network of the catalog.")]
Color = Annotated[Literal["rgb", "bgr"] | None, typer.Option(help="Check this order of the channels.")]
Scale = Annotated[float | None, typer.Option(min=0, help="Check this: the pixel value that becomes 1.")]
ClassMap = Annotated[
    Path | None,
    typer.Option(
        exists=True,
        dir_okay=False,
        help='For a file of other classes, JSON: {"0": "road", ...}, its class index and the dataset\'s class.',
    ),
]


def reading(arch: str | None, color: str | None, scale: float | None, class_map: Path | None) -> dict[str, Any]:
    """What a file is and how it is to be read, as a specification has it; what is not said is found."""
    from bpkd_core.predictions import read_class_map

    checked = {name: value for name, value in {"color": color, "scale": scale}.items() if value is not None}
    if arch is not None:
        if checked or class_map:
            raise typer.BadParameter(
                "--arch names a network whose input is known; leave out --color, --scale, --class-map"
            )
        return {"type": "checkpoint", "arch": arch}
    return {
        "type": "onnx",
        "input": checked or "auto",
        "classes": read_class_map(class_map) if class_map else "auto",
    }


@app.command()
def probe(
    file: Annotated[
        Path,
        typer.Argument(exists=True, dir_okay=False, help="An ONNX file that scores pixels, or a network's weights."),
    ],
    data: Annotated[Path, typer.Option(exists=True, file_okay=False, help="The folder of a labelled dataset.")],
    split: Annotated[Literal["train", "val", "test"], typer.Option(help="Whose images it is tried on.")] = "val",
    arch: Arch = None,
    color: Color = None,
    scale: Scale = None,
    class_map: ClassMap = None,
    as_json: AsJson = False,
) -> None:
    """Try the usual ways to feed a file on labelled images, and say which is right. Exit status 1 if it cannot teach.

    The file is opened in a process of its own that has little memory and little time, as a server's worker opens it.
    """
    from bpkd_core.data.layout import open_layout
    from service.cli.output import console, task, write
    from service.cli.probe import draw_probe, run_probe

    teacher = {"path": str(file.resolve()), **reading(arch, color, scale, class_map)}
    names = [each.name for each in open_layout(data).classes()]
    with task(console(stderr=True), f"Trying {file.name} on images of {data.name}"):
        found = run_probe({"dataset": str(data.resolve()), "split": split, "teacher": teacher})
    write(found, draw_probe(found, names), as_json=as_json)
    raise typer.Exit(1 if any(finding.severity == "error" for finding in found.findings) else 0)
