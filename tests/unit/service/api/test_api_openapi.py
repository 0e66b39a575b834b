"""The OpenAPI document: what generators of clients and of tests make of it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import jsonschema_rs
import pytest

from service.api.__main__ import openapi_text
from service.api.links import IDENTIFIERS

DOCUMENT = json.loads(openapi_text())
SCHEMAS = DOCUMENT["components"]["schemas"]
OPERATIONS = {each["operationId"]: each for methods in DOCUMENT["paths"].values() for each in methods.values()}


def nodes(value: Any) -> Iterator[dict[str, Any]]:
    """Every object inside a part of the document."""
    if isinstance(value, dict):
        yield value
    for each in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from nodes(each)


def test_every_tag_says_what_it_holds() -> None:
    # a reader chooses among the groups before it reads an operation
    used = {tag for operation in OPERATIONS.values() for tag in operation["tags"]}
    assert used == {tag["name"] for tag in DOCUMENT["tags"] if tag["description"]}


@pytest.mark.parametrize("field", ["teacher", "method"])
def test_a_union_names_the_class_of_each_tag(field: str) -> None:
    # without it a generated client tries one class after the other
    union = SCHEMAS["JobRequest"]["properties"][field]
    tags = union["discriminator"]["mapping"]
    assert union["discriminator"]["propertyName"] == "type"
    assert len(tags) > 2
    for tag, ref in tags.items():
        assert {"$ref": ref} in union["oneOf"]
        assert SCHEMAS[ref.rpartition("/")[2]]["properties"]["type"]["const"] == tag


def test_an_answer_always_has_its_fields() -> None:
    # `object` has a default and is always sent; a client that may miss it must ask at each use
    assert "object" in SCHEMAS["Job"]["required"]
    assert set(SCHEMAS["Job"]["required"]) == set(SCHEMAS["Job"]["properties"])


def test_a_parameter_is_never_null() -> None:
    # a URL has no null: a generated client would send the word
    parameters = [each for operation in OPERATIONS.values() for each in operation.get("parameters", ())]
    assert len(parameters) > 50
    assert [each["name"] for each in parameters if {"type": "null"} in nodes(each["schema"])] == []


def test_every_reference_leads_somewhere() -> None:
    # parts are taken out and put in after FastAPI is through
    refs = {node["$ref"].rpartition("/")[2] for node in nodes(DOCUMENT) if "$ref" in node}
    assert refs <= set(SCHEMAS)


def test_one_schema_per_object() -> None:
    # two shapes of one thing, for coming and going, would be two classes in every client
    assert [name for name in SCHEMAS if re.search(r"-(Input|Output)$", name)] == []


def test_links_lead_to_operations_and_fill_in_their_parameters() -> None:
    # what follows them, a fuzzer say, gets from a list into each object
    links = [(name, link) for node in nodes(OPERATIONS) for name, link in node.get("links", {}).items()]
    assert {name for name, _ in links} >= {"datasets_get", "jobs_cancel", "jobs_events", "versions_onnx", "aliases_put"}
    for name, link in links:
        assert link["operationId"] == name
        asked = {each["name"] for each in OPERATIONS[name]["parameters"] if each["in"] == "path"}
        assert set(link["parameters"]) == asked


@pytest.mark.parametrize("kind", IDENTIFIERS)
def test_a_link_reads_a_field_that_is_there(kind: str) -> None:
    # a field that is renamed would leave the fuzzer before closed doors, in silence
    assert set(IDENTIFIERS[kind].values()) <= set(SCHEMAS[kind]["properties"])


@pytest.mark.parametrize("name", OPERATIONS)
def test_each_example_of_an_operation_keeps_its_schema(name: str) -> None:
    # people copy from examples before they read schemas; mocks answer with them
    answers = [content for node in nodes(OPERATIONS[name]["responses"]) for content in node.get("content", {}).values()]
    for content in answers:
        if "example" in content:
            whole = {**content["schema"], "components": DOCUMENT["components"]}
            jsonschema_rs.validator_for(whole).validate(content["example"])
