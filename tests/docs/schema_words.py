"""The fields of a Pydantic model as rows of a table: name, default, values, meaning."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from markdown_words import code
from pydantic import BaseModel, TypeAdapter
from pydantic.fields import FieldInfo

from service.schemas.base import TEXT_PATTERN

ANYTHING = TypeAdapter(Any)
BOUNDS = {"exclusiveMinimum": "> ", "minimum": "≥ ", "exclusiveMaximum": "< ", "maximum": "≤ "}


def field_rows(kind: type[BaseModel]) -> dict[str, list[str]]:
    """By the field's name in Python: its public name, default, values and meaning."""
    properties = kind.model_json_schema(by_alias=True)["properties"]
    return {
        name: [
            code(field.alias or name),
            default_of(field),
            values_of(properties[field.alias or name]),
            field.description or "",
        ]
        for name, field in kind.model_fields.items()
    }


def default_of(field: FieldInfo) -> str:
    """`required`, nothing for None, a link to a section's own defaults, else the value as JSON."""
    if field.is_required():
        return "required"
    value = field.get_default(call_default_factory=True)
    if value is None:
        return ""
    if isinstance(value, BaseModel):
        given = value.model_dump(mode="json", exclude_defaults=True)
        return link(type(value).__name__) + (f" with {code(json.dumps(given))}" if given else "")
    if isinstance(value, Path):
        return code(str(value).replace(str(Path.home()), "~"))
    return code(json.dumps(ANYTHING.dump_python(value, mode="json")))


def values_of(schema: dict[str, Any]) -> str:
    """What may stand there, from the field's JSON Schema."""
    match schema:
        case {"anyOf": options} | {"oneOf": options}:
            return " or ".join(dict.fromkeys(values_of(option) for option in options))
        case {"$ref": str(reference)}:
            return link(reference.rpartition("/")[2])
        case {"const": value}:
            return code(json.dumps(value))
        case {"enum": choices}:
            return ", ".join(code(json.dumps(choice)) for choice in choices)
        case {"prefixItems": items}:
            return f"[{', '.join(values_of(item) for item in items)}]"
        case {"items": dict(item)}:
            return f"list of {values_of(item)}"
        case {"pattern": str(pattern)} if pattern != TEXT_PATTERN:  # any text, to a reader
            return code(pattern)
        case {"examples": [example, *_]}:
            return f"such as {code(json.dumps(example))}"
        case {"format": str(kind)}:
            return kind
        case _:
            bounds = [f"{sign}{plain(schema[key])}" for key, sign in BOUNDS.items() if key in schema]
            return ", ".join([schema.get("type", "anything"), *bounds])


def link(section: str) -> str:
    """To a heading of the same page."""
    return f"[{section}](#{section.lower()})"


def plain(bound: float) -> str:
    """A number without an exponent."""
    return str(int(bound)) if bound == int(bound) else str(bound)
