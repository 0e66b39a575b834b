"""OpenAPI links: what an answer leads to, found by the names of the parameters that it fills in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

IDENTIFIERS: Mapping[str, Mapping[str, str]] = {
    "Dataset": {"dataset_id": "id"},
    "Teacher": {"teacher_id": "id"},
    "Job": {"job_id": "id"},
    "Webhook": {"webhook_id": "id"},
    "Model": {"model": "name"},
    "Version": {"model": "model", "version": "version"},
    "Alias": {"model": "model", "alias": "alias"},
}
"""Schema -> path parameter -> the field that holds it."""
_ITEM = "#/components/schemas/"


def add_links(document: Mapping[str, Any]) -> None:
    """Link each answer that holds an object, or a list of them, to the operations on this object."""
    operations = list(_operations(document))
    for _, operation in operations:
        for answer in operation["responses"].values():
            kind, place = _object_of(answer)
            links = _links(IDENTIFIERS.get(kind, {}), place, operations)
            if links:
                answer["links"] = links


def _operations(document: Mapping[str, Any]) -> Iterator[tuple[frozenset[str], dict[str, Any]]]:
    """Every operation with the names of its path parameters."""
    for methods in document["paths"].values():
        for operation in methods.values():
            parameters = operation.get("parameters", ())
            yield frozenset(each["name"] for each in parameters if each["in"] == "path"), operation


def _object_of(answer: Mapping[str, Any]) -> tuple[str, str]:
    """The schema of the object that an answer holds, and the JSON pointer to it."""
    schema = answer.get("content", {}).get("application/json", {}).get("schema", {})
    name = schema.get("$ref", "").removeprefix(_ITEM)
    return (name[5:-1], "/data/0") if name.startswith("List_") else (name, "")


def _links(
    identifier: Mapping[str, str], place: str, operations: list[tuple[frozenset[str], dict[str, Any]]]
) -> dict[str, Any]:
    """By operation: those that need just what the object says."""
    filled = {name: f"$response.body#{place}/{field}" for name, field in identifier.items()}
    found = [operation["operationId"] for names, operation in operations if names and names == filled.keys()]
    return {name: {"operationId": name, "parameters": filled} for name in found}
