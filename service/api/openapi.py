"""The OpenAPI document: FastAPI's, with a problem on every operation and an example on every answer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from service.api.examples import BY_OPERATION, BY_SCHEMA
from service.api.generators import smooth
from service.api.links import add_links
from service.schemas import Problem

PROBLEM = {
    "description": "A refusal (RFC 9457); `type` is a page of this server that explains it",
    "content": {
        "application/problem+json": {
            "schema": {"$ref": "#/components/schemas/Problem"},
            "example": BY_SCHEMA["Problem"],
        }
    },
}
DESCRIPTION = """Turn an accurate, heavy segmentation network into a small one, and serve it.

Register a dataset, submit a job, follow its events, promote the version that it published, send images. Every refusal
is a problem (RFC 9457). A POST with an `Idempotency-Key` may be repeated safely."""
TAGS: Mapping[str, str] = {
    "datasets": "Images and masks to learn from, validated before anybody trains on them",
    "teachers": "Networks to learn from, probed before anybody trusts them",
    "jobs": "Distillations: submitted, followed, called off, looked back on",
    "models": "The registry: versions that never change, and aliases that move",
    "inference": "Image bytes in, mask out",
    "webhooks": "Word of what happens to jobs, sent to you",
    "catalog": "What can be named in a job",
    "operations": "Health, metrics and the machines behind it all",
}
_REF = "#/components/schemas/"


def install(app: FastAPI) -> None:
    """Make an application describe itself this way; the document is built once, when it is asked for."""

    def describe() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _describe(app)
        return app.openapi_schema

    app.openapi = describe


def _describe(app: FastAPI) -> dict[str, Any]:
    document = get_openapi(title=app.title, version=app.version, routes=app.routes, description=DESCRIPTION)
    schemas = document["components"]["schemas"]
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    schemas["Problem"] = Problem.model_json_schema(ref_template=_REF + "{model}")
    schemas.update(schemas["Problem"].pop("$defs"))
    for operation in _operations(document):
        operation["summary"] = _first_sentence(operation["description"])
        operation["responses"].pop("422", None)
        operation["responses"]["default"] = PROBLEM
        for response in operation["responses"].values():
            _add_example(operation["operationId"], response)
    document["tags"] = [{"name": name, "description": text} for name, text in TAGS.items()]
    add_links(document)
    smooth(document)
    return document


def _first_sentence(text: str) -> str:
    return text.partition(". ")[0].partition("\n")[0].removesuffix(".")


def _operations(document: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for methods in document["paths"].values():
        yield from methods.values()


def _add_example(operation_id: str, response: Mapping[str, Any]) -> None:
    """A test asks that no answer lacks one; a server without one still describes itself."""
    answer = response.get("content", {}).get("application/json")
    if answer is not None:
        name = answer["schema"].get("$ref", "").removeprefix(_REF)
        with suppress(KeyError):
            answer["example"] = example_of(name) if name else BY_OPERATION[operation_id]


def example_of(name: str) -> Any:
    """The example of a schema; `List_Job_` is a list of one."""
    if not name.startswith("List_"):
        return BY_SCHEMA[name]
    one = BY_SCHEMA[name.removeprefix("List_").removesuffix("_")]
    key = str(next(one[name] for name in ("id", "number", "name", "version", "revision") if name in one))
    return {"object": "list", "data": [one], "has_more": False, "first_id": key, "last_id": key}
