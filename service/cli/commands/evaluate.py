"""`bpkd evaluate`: the quality report of a model, ours or anybody's."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from service.cli.options import AsJson


def evaluate(
    model: Annotated[
        Path, typer.Argument(exists=True, help="An ONNX file, ours or not, or a folder of predicted masks, NAME.png.")
    ],
    dataset: Annotated[Path, typer.Argument(exists=True, file_okay=False, help="The folder of a dataset.")],
    split: Annotated[
        Literal["train", "val", "test"], typer.Option(help="Without a test split, val is taken.")
    ] = "test",
    class_map: Annotated[
        Path | None,
        typer.Option(
            exists=True,
            dir_okay=False,
            help='For a model of other classes, JSON: {"0": "road", ...}, its class index and the dataset\'s class.',
        ),
    ] = None,
    layout: Annotated[str, typer.Option(help="The dataset's layout, its name in the catalog; auto finds it.")] = "auto",
    against: Annotated[
        Path | None,
        typer.Option(
            exists=True, help="A model whose masks stand for labels that nobody has drawn: agreement, not accuracy."
        ),
    ] = None,
    window: Annotated[
        tuple[int, int] | None,
        typer.Option(help="Height and width of windows that slide over each image. [default: whole images]"),
    ] = None,
    stride: Annotated[
        tuple[int, int] | None, typer.Option(help="Pixels from one window to the next, down and across.")
    ] = None,
    out: Annotated[Path | None, typer.Option(dir_okay=False, help="Write the report as one HTML page.")] = None,
    as_json: AsJson = False,
) -> None:
    """The full quality report of a model: mIoU, boundaries, every class, each with its interval. Runs on this machine.

    How somebody else's file wants its images is found by trying it on a few labelled ones. What --json prints is what
    `bpkd compare` reads.
    """
    from bpkd_core.agreement import Relabelled
    from bpkd_core.data import FolderDataset
    from bpkd_core.evaluation import evaluate as judge
    from bpkd_core.predictions import open_predictions, read_class_map
    from bpkd_core.report import write_report
    from bpkd_core.spec import Evaluation, parse
    from service.cli.output import console, task, write
    from service.cli.quality import draw_quality, write_page

    windows = parse(Evaluation, {"mode": "slide" if window or stride else "whole", "window": window, "stride": stride})
    images = FolderDataset(dataset, split, layout=layout, unlabelled="only" if against else "refuse")
    data = Relabelled(images, open_predictions(against, images).predict) if against else images
    screen = console(stderr=True)
    predictions = open_predictions(model, data, read_class_map(class_map) if class_map else None, windows)
    for note in predictions.notes:
        screen.print(note)
    with task(screen, f"Evaluating {model.name} on {len(data)} images of {data.split}") as tell:
        quality = judge(predictions.predict, data, progress=tell)
    report = write_report(
        {model.stem: quality},
        title=model.name,
        dataset=dataset.resolve().name,
        split=data.split,
        classes=data.classes,
        names=data.names,
        reference="teacher" if against else "labels",
        notes=predictions.notes,
    )
    if out:
        write_page(report, data, {model.stem: predictions.predict}, out)
        screen.print(f"The page is {out}")
    write(report, draw_quality(report), as_json=as_json)
