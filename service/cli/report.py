"""Results and dataset reports, drawn for people."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from bpkd_core.bundle import Interval, NetworkResult, Result

ROWS: tuple[tuple[str, Callable[[NetworkResult], str]], ...] = (
    ("network", lambda net: net.arch),
    ("mIoU", lambda net: with_interval(net.miou_interval)),
    ("boundary IoU", lambda net: percent(net.boundary_iou)),
    ("mIoU at edges", lambda net: percent(net.edge_miou)),
    ("mIoU in bodies", lambda net: percent(net.body_miou)),
    ("parameters", lambda net: f"{net.parameters / 1e6:.2f} M"),
    ("GFLOPs", lambda net: f"{net.gflops:.2f}"),
    ("latency p50", lambda net: f"{net.latency.p50_ms:.1f} ms"),
    ("ONNX file", lambda net: f"{net.onnx_bytes / 1e6:.1f} MB"),
    ("training steps", lambda net: "given" if net.steps is None else str(net.steps)),
)
SEVERITY = {"error": "bold red", "warning": "yellow", "info": "dim"}


def draw_result(result: Result) -> RenderableType:
    """Teacher, control and student side by side, and what their comparison is worth."""
    networks = {"teacher": result.teacher, "control": result.control, "student": result.student}
    shown = {role: net for role, net in networks.items() if net is not None}
    drawn = Table(title=f"Measured on the {result.images} images of the {result.split} split", title_justify="left")
    drawn.add_column("")
    for role in shown:
        drawn.add_column(role, justify="right", style="bold" if role == "student" else "")
    for name, value in ROWS:
        drawn.add_row(name, *(value(net) for net in shown.values()))
    sentences = [describe_gains(result), result.verdict, describe_parity(result), describe_latency(result)]
    return Group(drawn, *(Text(sentence) for sentence in sentences if sentence))


def describe_gains(result: Result) -> str:
    """The gap that distillation closed, and its gains, each with its interval."""
    if result.control is None:
        return ""
    gap = with_interval(result.gap_closed) if result.gap_closed.value is not None else result.gap_closed.reason
    return (
        f"Gap closed between control and teacher: {gap}. "
        f"Gains over the control, in points: mIoU {points(result.miou_gain)}, "
        f"boundary IoU {points(result.boundary_iou_gain)}."
    )


def describe_parity(result: Result) -> str:
    """How well the student's file agrees with torch."""
    parity = result.student.parity
    return (
        f"Torch and ONNX agree on {parity.mask_agreement:.4%} of the mask at {len(parity.sizes)} sizes "
        f"(largest difference of a logit {parity.max_abs_logit_diff:.1e})."
    )


def describe_latency(result: Result) -> str:
    """What the latencies mean."""
    latency = result.student.latency
    return f"Latency: one {latency.width}x{latency.height} image, {latency.provider}, {latency.threads} threads."


def draw_report(report: Mapping[str, Any]) -> RenderableType:
    """A dataset's validation report: what it holds, what is wrong, how to mend it."""
    splits = Table("split", "images", "from", "unlabelled", box=None, pad_edge=False)
    for split in report["splits"]:
        splits.add_row(split["name"], str(split["images"]), split["source"], f"{split['void_share']:.1%}")
    names = ", ".join(each["name"] for each in report["classes"]) or "none"
    parts: list[RenderableType] = [splits, Text(f"{len(report['classes'])} classes: {names}")]
    for finding in report["findings"]:
        parts.append(_finding(finding))
    parts.append(Text("Ready for training." if report["ok"] else "Not ready for training.", style="bold"))
    return Group(*parts)


def _finding(finding: Mapping[str, Any]) -> Text:
    head = f"{finding['severity']} {finding['code']} ({finding['count']})"
    samples = ", ".join(finding["samples"][:5]) + (", ..." if finding["count"] > 5 else "")
    return Text.assemble(
        (head, SEVERITY[finding["severity"]]),
        f": {finding['message']}\n  where: {samples}\n  fix: {finding['fix']}",
    )


def percent(value: float | None) -> str:
    """`47.1 %`; a dash for what is undefined."""
    return "-" if value is None else f"{100 * value:.1f} %"


def with_interval(interval: Interval) -> str:
    """`47.1 % (45.9 to 48.2)`."""
    if interval.value is None or interval.low is None or interval.high is None:
        return percent(interval.value)
    return f"{percent(interval.value)} ({100 * interval.low:.1f} to {100 * interval.high:.1f})"


def points(interval: Interval) -> str:
    """`+1.9 (+0.8 to +3.1)`."""
    if interval.value is None or interval.low is None or interval.high is None:
        return "-"
    return f"{100 * interval.value:+.1f} ({100 * interval.low:+.1f} to {100 * interval.high:+.1f})"
