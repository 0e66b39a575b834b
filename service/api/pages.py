"""Help pages: one for each error code, from the docstrings of the error tree, and a list of all operations."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from html import escape
from typing import Any

from bpkd_core import errors as core
from bpkd_core.errors import BpkdError
from service.api.errors import FRAMEWORK_CODES, status_of
from service.api.remedies import REMEDIES
from service.domain import errors as domain
from service.domain.errors import NotFound

_PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>{title} · bpkd</title>
<style>body{{font:16px/1.5 system-ui,sans-serif;max-width:48rem;margin:3rem auto;padding:0 1rem}}
code{{background:#8882;padding:.1em .3em}}td{{padding:.2rem 1rem .2rem 0;vertical-align:top}}</style>
<h1>{title}</h1>{body}</html>
"""


def page(title: str, body: str) -> str:
    """A page of ours. body: HTML."""
    return _PAGE.format(title=escape(title), body=body)


@dataclass(frozen=True)
class Explanation:
    """What an error code means. hint: what would work. retryable: whether the same request may succeed later."""

    code: str
    status: int
    text: str
    hint: str
    retryable: bool


@cache
def explanations() -> Mapping[str, Explanation]:
    """Every code that this server can answer with, by code."""
    own = {
        kind.code: _explain(kind.code, status_of(kind), inspect.getdoc(kind) or "", retryable=kind.retryable)
        for module in (core, domain)
        for kind in vars(module).values()
        if isinstance(kind, type) and issubclass(kind, BpkdError) and kind is not BpkdError
    }
    framework = {code: _explain(code, status, text) for status, (code, text) in FRAMEWORK_CODES.items()}
    return dict(sorted((framework | own).items()))


def _explain(code: str, status: int, text: str, *, retryable: bool = False) -> Explanation:
    return Explanation(code, status, text, REMEDIES[code].hint, retryable)


def problem(code: str) -> str:
    """The page of one code. Raises NotFound."""
    found = explanations().get(code)
    if found is None:
        raise NotFound.of("problem", code, hint=f"Known: {', '.join(explanations())}.")
    again = "The same request may succeed later." if found.retryable else "The same request will fail again."
    lines = (
        f"HTTP status {found.status}.",
        escape(found.text),
        again,
        escape(found.hint),
        "<a href='/problems'>All</a>",
    )
    body = "".join(f"<p>{line}</p>" for line in lines)
    return _PAGE.format(title=escape(code), body=body)


def problems() -> str:
    """The list of all codes."""
    rows = (
        f"<tr><td><a href='/problems/{each.code}'><code>{each.code}</code></a><td>{each.status}"
        f"<td>{escape(each.text.splitlines()[0])}"
        for each in explanations().values()
    )
    return _PAGE.format(title="Problems", body=f"<table>{''.join(rows)}</table>")


def operations(openapi: Mapping[str, Any]) -> str:
    """The list of all operations, from the OpenAPI document."""
    rows = (
        f"<tr><td><code>{method.upper()} {escape(path)}</code><td>{escape(operation.get('description', ''))}"
        for path, methods in openapi["paths"].items()
        for method, operation in methods.items()
    )
    lead = '<p>The same for programs: <a href="/openapi.json">openapi.json</a>.</p>'
    return _PAGE.format(title="Operations", body=f"{lead}<table>{''.join(rows)}</table>")
