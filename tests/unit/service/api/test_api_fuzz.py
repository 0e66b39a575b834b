"""Nonsense in every place of every operation: refused, never a surprise."""

from __future__ import annotations

import json
from urllib.parse import quote

import pytest
from fakes.services import publish
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from service.api.__main__ import openapi_text
from service.domain.models import Version
from service.wiring import Service

DOCUMENT = json.loads(openapi_text())
OPERATIONS = [(method.upper(), path) for path, methods in DOCUMENT["paths"].items() for method in methods]

odd_text = st.one_of(st.text(max_size=8), st.sampled_from(["street", "production", "1", "-1", "..", "%00", "9" * 30]))
odd_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["name", "path", "dataset", "student", "arch", "method", "type", "version", "reason", "x"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=8,
)


@pytest.fixture
def street(service: Service) -> Version:
    return publish(service)


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    operation=st.sampled_from(OPERATIONS),
    words=st.lists(odd_text, min_size=4, max_size=4),
    query=st.dictionaries(
        st.sampled_from(["limit", "after", "order", "status", "version", "alias", "dry_run"]), odd_text
    ),
    headers=st.dictionaries(
        st.sampled_from(["Accept", "If-Match", "Range", "Idempotency-Key", "Last-Event-ID"]),
        st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=12),
    ),
    body=odd_json,
)
def test_nothing_answers_500(
    api: TestClient,
    street: Version,
    operation: tuple[str, str],
    words: list[str],
    query: dict[str, str],
    headers: dict[str, str],
    body: object,
) -> None:
    # the rule of issue 2, held against inputs that nobody would think of
    method, template = operation
    pieces = template.split("/")
    path = "/".join(quote(words.pop(), safe="") if piece.startswith("{") else piece for piece in pieces)
    content = json.dumps(body) if method != "GET" else None
    answer = api.request(
        method, path, params=query, content=content, headers={"Content-Type": "application/json", **headers}
    )
    assert answer.status_code < 500, answer.text
    if answer.status_code >= 400:
        assert answer.headers["content-type"] == "application/problem+json"
