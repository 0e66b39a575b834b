"""`bpkd distill`: the recipe without a server."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from service.cli.options import AsJson


def distill(
    spec: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="What to distil, YAML or JSON.")],
    workdir: Annotated[
        Path | None, typer.Option(file_okay=False, help="Where the run keeps all it knows. [default: SPEC's name]")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Train, distil, export and measure as a specification says, in a folder, without a server.

    Ctrl-C writes a checkpoint and ends with status 75; the same command goes on from there.
    """
    from service.cli.output import console, facts, write
    from service.cli.report import draw_result
    from service.cli.trainer import require_trainer, run_trainer

    require_trainer()
    folder = workdir or Path(spec.stem)
    screen = console(stderr=as_json)
    bundle = run_trainer(spec, folder, screen)
    if not as_json:
        screen.print(draw_result(bundle.result), soft_wrap=False)
    names = ("student.onnx", "report.html", "picture.png", "manifest.json")
    places = {name.split(".")[0]: str(folder / name) for name in names}
    write(
        {"workdir": str(folder), **places, "result": bundle.result.model_dump(mode="json")},
        facts(places),
        as_json=as_json,
    )
