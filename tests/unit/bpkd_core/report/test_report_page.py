"""Pages: one file, safe to open, honest in its words."""

from __future__ import annotations

import re
from collections.abc import Callable
from html.parser import HTMLParser

import pytest
from fakes.bundle import result
from fakes.spoiled import DATA, MODELS, spoiled

from bpkd_core.report import Curve, Report, compare_reports, draw_gallery, render_comparison, render_report

EVIL = "<img src=x onerror=alert(1)>\"'&"
VOID_TAGS = {"meta", "img", "br", "link"}


class Checker(HTMLParser):
    """Every tag that is opened is closed, in order; collects tags and attributes."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.attributes: list[tuple[str, str | None]] = []
        self.feed(page)
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes += attrs
        if tag not in VOID_TAGS:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.fixture(scope="module")
def page(report: Report) -> str:
    curves = [Curve(model, name, [1, 2], [0.3, 0.4]) for model in MODELS for name in ("loss", "val_miou")]
    return render_report(report, gallery=draw_gallery(DATA, MODELS, report), curves=curves)


@pytest.fixture(scope="module")
def comparison(report_of: Callable[..., Report]) -> str:
    shares = {"kd-seed0": 0.2, "kd-seed1": 0.22, "bpkd": 0.1}
    return render_comparison(compare_reports({name: report_of(student=spoiled(s)) for name, s in shares.items()}))


@pytest.mark.parametrize("which", ["page", "comparison"])
def test_a_page_is_well_formed_and_needs_nothing_else(which: str, request: pytest.FixtureRequest) -> None:
    """One file: no script, no style sheet, font or picture from elsewhere, no handler."""
    text = request.getfixturevalue(which)
    found = Checker(text)
    assert not found.tags & {"script", "link", "iframe", "object", "form"}
    assert all(value and value.startswith("data:image/") for name, value in found.attributes if name in ("src", "href"))
    assert not [name for name, _ in found.attributes if name.startswith("on")]
    assert not re.search(r"https?:|url\(|@import", text)


@pytest.mark.parametrize("which", ["page", "comparison"])
def test_a_page_follows_light_and_dark_and_prints(which: str, request: pytest.FixtureRequest) -> None:
    """What the reader's system says; and paper is white."""
    text = request.getfixturevalue(which)
    assert "prefers-color-scheme: dark" in text
    assert "@media print" in text
    assert '<html lang="en">' in text


def test_every_picture_and_chart_says_what_it_is(page: str) -> None:
    """For those who cannot see them, and where they do not load."""
    found = Checker(page)
    assert "" not in [value for name, value in found.attributes if name == "alt"]
    assert page.count("<img ") == page.count(' alt="')
    assert page.count("<svg") == page.count('role="img"') == len(re.findall(r"<svg[^>]*><title>[^<]+</title>", page))


def test_the_page_holds_every_section(page: str, report: Report) -> None:
    """The numbers one wants first at the top, then everything of the document."""
    headings = re.findall(r"<h2>([^<]+)</h2>", page)
    assert headings == ["Measures", "Confusion at edges", "Classes", "Training", "Images"]
    first = page.index(f"{100 * report.judged.scores['miou'].value:.1f}")
    assert first < page.index("<h2>Measures</h2>")
    assert len(page) < 3_000_000


def test_what_was_measured_once_is_no_curve(report: Report) -> None:
    """A training of minutes evaluates itself at its end only; a chart of one point says nothing."""
    once = [Curve("student", "val_miou", [9], [0.5]), Curve("student", "ce", [1, 9], [2.0, 1.0])]
    text = render_report(report, curves=once)
    assert "cross-entropy" in text
    assert "on the validation split" not in text
    assert "<h2>Training</h2>" not in render_report(report, curves=once[:1])


def test_a_run_begins_with_its_verdict(report: Report) -> None:
    """And with what it gained over its control, or why that is not known."""
    full = report.model_copy(update={"result": result(0.5)})
    text = render_report(full)
    assert text.index("Nothing was measured.") < text.index("<h2>Measures</h2>")
    assert "ddrnet_23_nano" in text


@pytest.mark.parametrize("where", ["title", "dataset", "split", "notes", "classes", "models"])
def test_names_are_data_wherever_they_stand(report: Report, where: str) -> None:
    """Files and classes are named by strangers; the page is opened in a browser."""
    changed: dict[str, object] = {"title": EVIL, "dataset": EVIL, "split": EVIL, "notes": [EVIL]}
    changed["classes"] = [each.model_copy(update={"name": f"{EVIL}{each.id}"}) for each in report.classes]
    changed["models"] = {EVIL: report.judged}
    evil = report.model_copy(update={where: changed[where]})
    for text in (render_report(evil), render_comparison(compare_reports({EVIL: evil}))):
        assert "img" not in Checker(text).tags


def test_an_image_may_have_any_name(report: Report) -> None:
    """Names of files reach captions and alternative texts."""
    drawn = draw_gallery(DATA, MODELS, report)
    row = drawn.sections["Most wrong pixels"][0]
    named = type(row)(EVIL, EVIL, row.pictures)
    text = render_report(report, gallery=type(drawn)({EVIL: [named]}, drawn.classes, drawn.errors))
    assert {name for name, _ in Checker(text).attributes if name.startswith("on")} == set()


def test_against_a_teacher_the_page_speaks_of_agreement(report_of: Callable[..., Report]) -> None:
    """Nobody may take agreement with a teacher for accuracy."""
    report = report_of("teacher", student=spoiled(0.1))
    drawn = draw_gallery(DATA, {"student": spoiled(0.1)}, report)
    curves = [Curve("student", "val_miou", [1, 2], [0.1, 0.2])]
    assert "mIoU agreement on the validation split" in render_report(report, curves=curves)
    for text in (render_report(report, gallery=drawn), render_comparison(compare_reports({"a": report}))):
        words = re.sub(r"<style>.*?</style>|<[^>]+>", " ", text, flags=re.DOTALL)
        assert "agreement" in words
        assert not re.search(r"accuracy|wrong|error|right(?! it is)", words)
        assert "not with labels" in words


def test_an_absent_class_and_an_undefined_measure_are_dashes(report: Report) -> None:
    """Drawn without a crash: one class only has no border at all."""
    one = report.judged.model_copy(
        update={"class_iou": [type(each)() for each in report.judged.class_iou], "worst_edge_pairs": []}
    )
    text = render_report(report.model_copy(update={"models": {"student": one}}))
    assert "absent" in text
    assert "No pixel at an edge is wrong." in text


def test_a_comparison_shows_seeds_together_and_runs_apart(comparison: str) -> None:
    """Spread over trainings and intervals over images are two things."""
    headings = re.findall(r"<h2>([^<]+)</h2>", comparison)
    assert headings == ["Over seeds", "Runs", "Differences from kd-seed0", "Borders", "Classes"]
    assert "±" in comparison
    assert '<span class="better">' in comparison


def test_one_run_alone_is_a_table_without_differences(report: Report) -> None:
    """`bpkd compare RUN` is no mistake."""
    text = render_comparison(compare_reports({"one": report}))
    assert "Differences" not in text
    assert "Over seeds" not in text
