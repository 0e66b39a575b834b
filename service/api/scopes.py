"""What each route asks of an API key: this table, and nothing else. The first row that fits a route is the one."""

from __future__ import annotations

import re
from typing import Literal

from service.domain.keys import Scope

_Kind = Literal["look", "change"]
_LOOKS = frozenset({"GET", "HEAD", "OPTIONS"})

RULES: tuple[tuple[_Kind, str, Scope], ...] = (
    ("change", r"/v1/models/{model}/infer", "infer"),
    ("change", r"/v1/webhooks(/.*)?", "admin"),  # a webhook is told of everybody's jobs
    ("look", r"/.*", "read"),
    ("change", r"/.*", "write"),
)
"""What a request does, the template of its route as a pattern, and the scope that opens it."""


def needed(method: str, route: str) -> Scope:
    """The scope that a key needs for a method of a route, which is named by its template: `/v1/jobs/{job_id}`."""
    wanted: _Kind = "look" if method in _LOOKS else "change"
    return next(scope for kind, pattern, scope in RULES if kind == wanted and re.fullmatch(pattern, route))
