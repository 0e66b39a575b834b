"""What a report holds, and that it survives being a file."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from fakes.bundle import result

from bpkd_core.bundle import Interval
from bpkd_core.errors import InvalidInput
from bpkd_core.metrics import evaluate_masks
from bpkd_core.report import Judged, Report, read_report, save_report


def quality():
    """Two images of two classes and a third that is nowhere; the second image is void but for one pixel."""
    true = np.array([[0, 0, 0, 1, 1, 1]] * 4)
    predicted = np.array([[0, 0, 0, 0, 1, 1]] * 4)
    void = np.full((4, 6), 255)
    void[0, 0] = 1
    return evaluate_masks([(predicted, true), (predicted, void)], 3)


def test_every_measure_is_there_with_its_interval() -> None:
    """Numbers without intervals are what the report is against."""
    judged, measured = Judged.of(quality(), ["a", "b"]), quality()
    for name, score in judged.scores.items():
        assert score.value == getattr(measured, name)
        assert score.low <= score.value <= score.high
    assert list(judged.trimap_miou) == list(range(1, 21))
    assert list(judged.boundary_fscore) == [1, 2, 3, 5]
    assert judged.trimap_miou[1].value == measured.trimap_miou[1]
    assert [each.value for each in judged.class_iou] == pytest.approx([12 / 17, 8 / 13, None])
    assert judged.confusion == measured.confusion.tolist()
    assert judged.edge_confusion == measured.edge_confusion.tolist()
    assert judged.worst_edge_pairs[0].model_dump() == {"true": "1", "predicted": "0", "pixels": 4, "share": 1.0}


def test_each_image_says_what_it_contributes() -> None:
    """From these counts alone every paired comparison can be made later; absent classes take no room."""
    judged, measured = Judged.of(quality(), ["a", "b"]), quality()
    assert [image.name for image in judged.images] == ["a", "b"]
    assert judged.images[1].region == {0: (0, 0, 1), 1: (0, 1, 0)}
    assert judged.images[1].pixel_accuracy == 0
    for kind in ("region", "edge", "boundary"):
        np.testing.assert_array_equal(judged.overlaps(kind), getattr(measured.per_image, kind))


def test_a_report_is_read_as_it_was_written(report: Report, tmp_path: Path) -> None:
    """As a file, and as the folder of a run; NaN never reaches the file."""
    full = report.model_copy(update={"result": result(0.5), "notes": ["a note"]})
    save_report(full, tmp_path / "quality.json")
    json.loads((tmp_path / "quality.json").read_text(), parse_constant=pytest.fail)
    assert read_report(tmp_path) == read_report(tmp_path / "quality.json") == full


def test_the_last_model_is_the_one_that_a_report_is_about(report: Report) -> None:
    """Teacher and control stand beside the student."""
    assert report.judged == report.models["student"]


def test_an_undefined_measure_is_null(tmp_path: Path) -> None:
    """A class that is nowhere has no IoU and no interval."""
    assert Judged.of(quality(), ["a", "b"]).class_iou[2] == Interval()


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("{}", "is no quality report (at title: Field required)"),
        ("[1", "is no quality report (at its start: Invalid JSON"),
        ('{"student": {"miou": 0.5}}', "expected the folder of a finished run, or what bpkd evaluate --json printed"),
    ],
)
def test_what_is_no_report_is_refused_with_a_sentence(tmp_path: Path, text: str, sentence: str) -> None:
    """A person gives any JSON file."""
    (tmp_path / "other.json").write_text(text)
    with pytest.raises(InvalidInput) as caught:
        read_report(tmp_path / "other.json")
    assert sentence in caught.value.message


def test_a_folder_without_a_report_is_refused(tmp_path: Path) -> None:
    """A run that is not finished yet, most often."""
    with pytest.raises(InvalidInput, match=r"quality.json cannot be read \(No such file or directory\)"):
        read_report(tmp_path)
