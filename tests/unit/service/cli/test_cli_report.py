"""Numbers for people: nothing rounded away that decides, nothing said that is not known."""

from __future__ import annotations

import io

from fakes.bundle import result
from rich.console import Console, RenderableType

from bpkd_core.bundle import Interval
from service.cli.output import minutes, percent, table
from service.cli.report import draw_report, draw_result, with_interval


def text(drawing: RenderableType) -> str:
    file = io.StringIO()
    Console(file=file, width=120, color_system=None).print(drawing)
    return file.getvalue()


def row(drawn: str, name: str) -> list[str]:
    """The cells of a row of the table."""
    line = next(line for line in drawn.splitlines() if line.startswith(f"│ {name} "))
    return [cell.strip() for cell in line.split("│")[2:-1]]


def test_a_result_puts_the_networks_side_by_side() -> None:
    # the question is always: compared with what?
    student = result(0.5).student.model_copy(
        update={"parameters": 1_430_000, "miou_interval": Interval(value=0.5, low=0.48, high=0.52)}
    )
    gains = {"gap_closed": Interval(value=0.4, low=0.2, high=0.6)}
    drawn = text(
        draw_result(result(0.25).model_copy(update={"control": result(0.4).student, "student": student, **gains}))
    )
    assert row(drawn, "boundary IoU") == ["25.0 %", "40.0 %", "50.0 %"]
    assert row(drawn, "mIoU")[2] == "50.0 % (48.0 to 52.0)"
    sentences = " ".join(drawn.split())
    assert row(drawn, "parameters")[2] == "1.43 M"
    assert "Distillation closed 40.0 % (20.0 to 60.0) of the gap" in sentences


def test_without_a_control_nothing_is_said_of_gains() -> None:
    # a column of dashes would look like a failure
    lacking = Interval(reason="No control was trained.")
    drawn = text(draw_result(result(0.5).model_copy(update={"gap_closed": lacking, "verdict": lacking.reason})))
    assert drawn.count("No control") == 1
    assert "control" not in drawn.split("\n", 3)[2]
    assert "gap" not in drawn


def test_an_undefined_gap_says_why() -> None:
    # a number without an interval invites to be believed
    undefined = Interval(value=2.5, reason="Control and teacher cannot be told apart.")
    drawn = text(draw_result(result(0.5).model_copy(update={"control": result(0.5).student, "gap_closed": undefined})))
    assert "Control and teacher cannot be told apart." in " ".join(drawn.split())


def test_numbers_read_the_same_everywhere() -> None:
    # absent is a dash, never a zero
    assert (percent(0.4711), percent(None)) == ("47.1 %", "-")
    assert with_interval(Interval(value=0.5)) == "50.0 %"
    assert (minutes(0.4), minutes(245), minutes(3845), minutes(-0.01)) == ("0:00", "4:05", "1:04:05", "0:00")


def test_an_id_is_whole_on_a_narrow_terminal() -> None:
    # half of one cannot be copied
    known, file = "key_01m7y59x65qheh1hechfaban7v", io.StringIO()
    Console(file=file, width=60, color_system=None).print(table(("id", "name"), [(known, "a name of many words " * 5)]))
    assert known in file.getvalue()


def test_a_report_names_files_and_the_way_to_mend_them() -> None:
    # whoever reads it has a dataset open in another window
    finding = {
        "code": "missing_pair",
        "severity": "error",
        "count": 7,
        "samples": [f"images/train/{n}.jpg" for n in range(7)],
        "message": "Images without a mask: 7",
        "fix": "Add the masks",
    }
    split = {"name": "train", "images": 7, "source": "images/train", "void_share": 0.125}
    report = {"ok": False, "splits": [split], "classes": [{"name": "road"}], "findings": [finding]}
    drawn = " ".join(text(draw_report(report)).split())
    assert "error missing_pair (7): Images without a mask: 7 where: images/train/0.jpg" in drawn
    assert "images/train/4.jpg, ... fix: Add the masks" in drawn
    assert "12.5 %" in drawn
    assert "Not ready for training." in drawn
    assert "Layout: camvid" in text(draw_report({**report, "layout": "camvid"}))
