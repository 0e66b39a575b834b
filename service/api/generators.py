"""What generators of clients stumble over, taken out of the OpenAPI document; its meaning stays the same."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

_REF = "#/components/schemas/"


def smooth(document: Mapping[str, Any]) -> None:
    """Make the document one that generators read well."""
    schemas: dict[str, dict[str, Any]] = document["components"]["schemas"]
    for schema in schemas.values():
        for field in schema.get("properties", {}).values():
            _untitle(field)
            _name_tag(field, schemas)
            _share(field)
            if isinstance(field.get("default"), dict):
                del field["default"]  # an object is no default that a language could write down
    schemas["JsonObject"] = {"type": "object", "additionalProperties": True, "description": "Any JSON object."}
    for methods in document["paths"].values():
        for operation in methods.values():
            for parameter in operation.get("parameters", ()):
                parameter["schema"] = _not_null(parameter["schema"])
                _untitle(parameter["schema"])


def _untitle(node: Any) -> None:
    """Drop titles that repeat a field's name: classes are named by them, and then two have one name."""
    if isinstance(node, dict):
        fields = cast("dict[str, Any]", node)
        fields.pop("title", None)
        for each in fields.values():
            _untitle(each)
    elif isinstance(node, list):
        for each in cast("list[Any]", node):
            _untitle(each)


def _not_null(schema: Mapping[str, Any]) -> dict[str, Any]:
    """A parameter that is left out is not null: neither a URL nor a header can say so."""
    kinds = [each for each in schema.get("anyOf", ()) if each != {"type": "null"}]
    if len(kinds) != 1:
        return dict(schema)
    return {name: each for name, each in schema.items() if name != "anyOf"} | kinds[0]


def _share(field: dict[str, Any]) -> None:
    """One class for all free objects, instead of one for each field that holds some."""
    if field.get("type") == "object" and field.get("additionalProperties") is True and "properties" not in field:
        del field["type"], field["additionalProperties"]
        field["$ref"] = f"{_REF}JsonObject"


def _name_tag(field: dict[str, Any], schemas: Mapping[str, Mapping[str, Any]]) -> None:
    """Say which value of `type` means which alternative, where Pydantic was told so by a function."""
    refs = [each.get("$ref") for each in field.get("oneOf", ())]
    if len(refs) < 2 or "discriminator" in field or not all(refs):
        return
    fields = {ref: schemas[ref.removeprefix(_REF)].get("properties", {}) for ref in refs}
    tags = {fields[ref]["type"].get("const"): ref for ref in refs if "type" in fields[ref]}
    if len(tags) > 1:
        field["discriminator"] = {"propertyName": "type", "mapping": {tag: ref for tag, ref in tags.items() if tag}}
