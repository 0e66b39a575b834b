"""The quality report of a run: `quality.json`, and the same as a page with curves and pictures."""

from __future__ import annotations

from collections.abc import Mapping

from bpkd_core.bundle import Result, Role, write_atomically
from bpkd_core.data import SegmentationDataset
from bpkd_core.evaluation import Predict
from bpkd_core.metrics import Quality
from bpkd_core.recipe.workshop import Workshop
from bpkd_core.report import Reference, draw_gallery, read_curves, render_report, save_report, write_report

QUALITY, PAGE = "quality.json", "report.html"
CURVES = "metrics.log"  # a log by its name, for it grows in place: a next attempt gets a copy, not a link


def report(
    shop: Workshop,
    data: SegmentationDataset,
    split: str,
    qualities: Mapping[Role, Quality],
    masks: Mapping[Role, Predict],
    result: Result,
    *,
    reference: Reference = "labels",
) -> None:
    """Write the two files into the run's folder. masks: where those of each network come from, for the pictures.

    reference: "teacher" where `data` holds a teacher's predictions instead of labels; the page then speaks of
    agreement.
    """
    written = write_report(
        dict[str, Quality](qualities.items()),
        title=shop.spec.name or shop.folder.name,
        dataset=shop.spec.dataset.name,
        split=split,
        classes=data.classes,
        names=data.names,
        reference=reference,
        result=result,
    )
    save_report(written, shop.folder / QUALITY)
    gallery = draw_gallery(data, dict[str, Predict](masks.items()), written)
    page = render_report(written, gallery=gallery, curves=read_curves(shop.folder / CURVES))
    write_atomically(shop.folder / PAGE, page.encode())
