"""Results and dataset reports, drawn for people."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from bpkd_core.bundle import Interval, NetworkResult, Result
from service.cli.output import facts, minutes, percent, table, when
from service.schemas import Dataset, Job, JobPlan, Model, Version

ROWS: tuple[tuple[str, Callable[[NetworkResult], str]], ...] = (
    ("network", lambda net: net.arch),
    ("mIoU", lambda net: with_interval(net.miou_interval)),
    ("boundary IoU", lambda net: percent(net.boundary_iou)),
    ("mIoU at edges", lambda net: percent(net.edge_miou)),
    ("mIoU in bodies", lambda net: percent(net.body_miou)),
    ("parameters", lambda net: f"{net.parameters / 1e6:.2f} M"),
    ("GFLOPs", lambda net: "-" if net.gflops is None else f"{net.gflops:.2f}"),
    ("latency p50", lambda net: f"{net.latency.p50_ms:.1f} ms"),
    ("ONNX file", lambda net: f"{net.onnx_bytes / 1e6:.1f} MB"),
    ("training steps", lambda net: "given" if net.steps is None else str(net.steps)),
)
SEVERITY = {"error": "bold red", "warning": "yellow", "info": "dim"}


def draw_result(result: Result) -> RenderableType:
    """Teacher, control and student side by side, and what their comparison is worth."""
    networks = {"teacher": result.teacher, "control": result.control, "student": result.student}
    shown = {role: net for role, net in networks.items() if net is not None}
    against = "" if result.reference == "labels" else ": agreement with the teacher, not accuracy"
    title = f"Measured on the {result.images} images of the {result.split} split{against}"
    drawn = Table(title=title, title_justify="left")
    drawn.add_column("")
    for role in shown:
        drawn.add_column(role, justify="right", style="bold" if role == "student" else "")
    for name, value in ROWS:
        drawn.add_row(name, *(value(net) for net in shown.values()))
    sentences = [describe_gap(result), result.verdict, describe_parity(result), describe_latency(result)]
    return Group(drawn, *(Text(sentence) for sentence in sentences if sentence))


def describe_gap(result: Result) -> str:
    """How much of the distance to the teacher distillation has covered, or why that is not known.

    Nothing without a control: the verdict says that there was none.
    """
    gap = result.gap_closed
    if result.control is None or gap.reason is not None:
        return "" if result.control is None else gap.reason or ""
    return f"Distillation closed {with_interval(gap)} of the gap between control and teacher."


def describe_parity(result: Result) -> str:
    """How well the student's file agrees with torch."""
    parity = result.student.parity
    assert parity, "a student is always compared with torch"
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
        splits.add_row(split["name"], str(split["images"]), split["source"], percent(split["void_share"]))
    names = ", ".join(each["name"] for each in report["classes"]) or "none"
    layout = Text(f"Layout: {report['layout']}") if "layout" in report else Text()  # of an older server
    parts: list[RenderableType] = [layout, splits, Text(f"{len(report['classes'])} classes: {names}")]
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


def with_interval(interval: Interval) -> str:
    """`47.1 % (45.9 to 48.2)`."""
    if interval.value is None or interval.low is None or interval.high is None:
        return percent(interval.value)
    return f"{percent(interval.value)} ({100 * interval.low:.1f} to {100 * interval.high:.1f})"


def draw_dataset(dataset: Dataset, report: Mapping[str, Any] | None) -> RenderableType:
    """A registered dataset, with its report once there is one."""
    head = facts(
        {
            "id": dataset.id,
            "name": dataset.name,
            "path": dataset.path or "uploaded",
            "state": dataset.state,
            "error": dataset.error and dataset.error.message,
        }
    )
    return head if report is None else Group(head, Text(), draw_report(report))


def draw_job(job: Job) -> RenderableType:
    """Where a job stands, or what it came to."""
    progress = None if job.finished_at else job.progress
    head = facts(
        {
            "id": job.id,
            "name": job.name,
            "status": job.status + (", asked to stop" if job.cancel_requested and job.status == "running" else ""),
            "stage": job.stage,
            "progress": progress and f"step {progress.step} of {progress.total_steps}",
            "left": progress and progress.eta_seconds and minutes(progress.eta_seconds),
            "attempt": job.attempt,
            "model": job.model and f"{job.model}@{job.version}",
            "error": job.error and job.error.message,
            "hint": job.error and job.error.hint,
            "goes on from": job.retry_of,
            "created": when(job.created_at),
            "finished": job.finished_at and when(job.finished_at),
        }
    )
    if job.error is not None and job.error.log_tail:
        return Group(head, Text(), Text(job.error.log_tail.rstrip(), style="dim"))
    return head if job.result is None else Group(head, Text(), draw_result(job.result))


def draw_plan(plan: JobPlan) -> RenderableType:
    """What a job would train, and what that will take."""
    rows = [
        (
            net.role,
            net.arch,
            net.steps or f"as many as fit into {plan.budget_minutes:g} minutes",
            net.params_m,
            net.gmacs,
        )
        for net in plan.networks
    ]
    networks = table(("role", "network", "steps", "parameters, M", "GMACs"), rows)
    found, memory = plan.estimate, plan.estimate.memory_bytes
    expected = facts(
        {
            "time": f"{minutes(found.seconds.low)} to {minutes(found.seconds.high)}",
            "memory": memory and f"{memory.low / 1e9:.1f} to {memory.high / 1e9:.1f} GB",
            "estimate": found.explanation,
        }
    )
    return Group(networks, Text(), expected)


def draw_model(model: Model, versions: Sequence[Version]) -> RenderableType:
    """A model, where its aliases point, and its newest versions."""
    head = facts({"name": model.name, "aliases": describe_aliases(model), "created": when(model.created_at)})
    rows = [(each.version, each.job, f"{each.onnx.size / 1e6:.1f} MB", when(each.created_at)) for each in versions]
    return Group(head, Text(), table(("version", "job", "ONNX file", "created"), rows))


def describe_aliases(model: Model) -> str:
    """`production 3, candidate 4`."""
    return ", ".join(f"{alias} {version}" for alias, version in model.aliases.items()) or "none"
