"""`bpkd predict`: what a student says."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from service.cli.options import DEFAULT_URL, ApiKey, AsJson, Url, connect


def predict(
    image: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="A PNG, JPEG or WebP file.")],
    model: Annotated[str | None, typer.Option(help="A model of the server.")] = None,
    onnx: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="Or an ONNX file; no server is needed.")
    ] = None,
    alias: Annotated[str | None, typer.Option(help="[default: production]")] = None,
    version: Annotated[int | None, typer.Option(min=1, help="Of the model's versions this one.")] = None,
    out: Annotated[Path | None, typer.Option(dir_okay=False, help="[default: IMAGE-mask.png, here]")] = None,
    overlay: Annotated[bool, typer.Option("--overlay", help="Draw the mask over the image.")] = False,
    url: Url = DEFAULT_URL,
    api_key: ApiKey = None,
    as_json: AsJson = False,
) -> None:
    """The mask of an image: as a palette PNG of class ids, and its classes as a table."""
    from service.cli.output import write
    from service.cli.pictures import ask_file, ask_server, draw_areas, save

    if (model is None) == (onnx is None):
        raise typer.BadParameter("give either --model or --onnx")
    path = out or Path(f"{image.stem}-{'overlay' if overlay else 'mask'}.png")
    if model is not None:
        with connect(url, api_key) as client:
            prediction = ask_server(client, model, image, alias, version)
    else:
        assert onnx is not None
        prediction = ask_file(onnx, image)
    save(prediction, image, path, overlay=overlay)
    write(prediction.to_dict() | {"path": str(path)}, draw_areas(prediction, path), as_json=as_json)
