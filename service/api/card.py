"""The model card of a version, written from its record: Markdown, and the same as a page."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from typing import Literal

from jinja2 import Environment, PackageLoader, StrictUndefined, Template
from markdown_it import MarkdownIt

from bpkd_core.bundle import Interval, NetworkResult, Result
from bpkd_core.catalog import MODELS
from service.api.pages import page
from service.domain.models import Alias, Version

MediaType = Literal["text/markdown", "text/html"]
MEDIA_TYPES: tuple[MediaType, ...] = ("text/markdown", "text/html")
ROWS: Mapping[str, Callable[[NetworkResult], str]] = {
    "mIoU": lambda network: _with_interval(network.miou_interval),
    "boundary IoU": lambda network: _percent(network.boundary_iou),
    "mean accuracy": lambda network: _percent(network.mean_accuracy),
    "mIoU at edges": lambda network: _percent(network.edge_miou),
    "mIoU in bodies": lambda network: _percent(network.body_miou),
    "parameters": lambda network: f"{network.parameters / 1e6:.2f} M",
    "ONNX file": lambda network: f"{network.onnx_bytes / 1e6:.1f} MB",
}
_MARKUP = re.compile(r"([\\`*_\[\]!|<>~&])")


def render(version: Version, aliases: Sequence[Alias], media_type: MediaType) -> str:
    """The card. aliases: of the whole model. Names are data: none of them can become markup."""
    result = None if version.result is None else Result.model_validate(version.result)
    text = _template().render(
        version=version,
        result=result,
        facts=list(_facts(version, [each.alias for each in aliases if each.version == version.version])),
        quality=[(name, [cell(network) for network in _networks(result)]) for name, cell in ROWS.items()],
        speed=_speed(version, result),
        licence=_licence(version),
    )
    return text if media_type == "text/markdown" else page(version.tag, _html(text))


@cache
def _template() -> Template:
    # nothing is escaped for HTML: the text is Markdown, whose own markup `words` takes out
    environment = Environment(  # nosec B701
        loader=PackageLoader("service.api"),
        undefined=StrictUndefined,
        autoescape=False,  # noqa: S701
        keep_trailing_newline=True,
    )
    environment.filters.update(words=_words, percent=_percent)  # pyright: ignore[reportUnknownMemberType]  # jinja2 types it loosely
    return environment.get_template("card.md")


def _html(text: str) -> str:
    """Without raw HTML, and with links to addresses of harmless schemes only."""
    return MarkdownIt("commonmark", {"html": False}).enable("table").render(text)


def _words(text: object) -> str:
    """Text that is no markup, on one line."""
    return _MARKUP.sub(r"\\\1", " ".join(str(text).split()))


def _facts(version: Version, aliases: Sequence[str]) -> Iterator[tuple[str, object]]:
    origin = version.provenance
    yield "published", version.created_at.strftime("%Y-%m-%d %H:%M UTC")
    yield "aliases", ", ".join(aliases) or "none"
    yield "made by", version.job_id or "imported"
    yield "method", origin.get("method", "unknown")
    yield "dataset, sha256", version.dataset_sha256 or "unknown"
    yield "teacher, sha256", origin.get("teacher_sha256", "unknown")
    yield "ONNX file, sha256", version.onnx_sha256
    for name in ("training_crop", "steps", "seed", "opset", "bpkd_version"):
        if name in origin:
            yield name.replace("_", " "), origin[name]


def _networks(result: Result | None) -> list[NetworkResult]:
    roles = (result.teacher, result.control, result.student) if result is not None else ()
    return [network for network in roles if network is not None]


def _speed(version: Version, result: Result | None) -> str:
    if result is not None:
        took = result.student.latency
        return (
            f"One {took.width}x{took.height} image on {took.provider} with {took.threads} threads: "
            f"{took.p50_ms:.1f} ms (p50), {took.p95_ms:.1f} ms (p95), {took.p99_ms:.1f} ms (p99)."
        )
    known = version.provenance.get("latency_ms")
    return f"One 480x360 image on one thread of a CPU: {known} ms." if known else "Not measured."


def _licence(version: Version) -> str:
    if (said := version.provenance.get("licence")) is not None:
        return f"The file says: {said}."
    plugin = MODELS.get(version.provenance.get("arch", ""))
    return f"The network's code: {plugin.licence}." if plugin is not None else "The file does not say."


def _with_interval(interval: Interval) -> str:
    if interval.value is None or interval.low is None or interval.high is None:
        return _percent(interval.value)
    return f"{_percent(interval.value)} ({100 * interval.low:.1f} to {100 * interval.high:.1f})"


def _percent(value: float | None) -> str:
    return "undefined" if value is None else f"{100 * value:.1f} %"
