"""What every part of a specification is."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails


LONGEST = 64
"""No field has a longer name; what is longer is not looked up."""


class Section(BaseModel):
    """A frozen part of a specification: unknown fields, NaN and infinities are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


def wording(error: ErrorDetails) -> str:
    """What is wrong with a field, in a sentence; of an unknown one also which field of any section is the nearest."""
    if error["type"] != "extra_forbidden":
        return error["msg"].removeprefix("Value error, ")
    known = set(_fields(Section))
    name = str(error["loc"][-1])
    near = [] if name in known or len(name) > LONGEST else difflib.get_close_matches(name, sorted(known), n=1)
    return "Unknown fields are not permitted" + (f'. Did you mean "{near[0]}"?' if near else "")


def _fields(section: type[Section]) -> Iterator[str]:
    for kind in section.__subclasses__():
        yield from (field.alias or name for name, field in kind.model_fields.items())
        yield from _fields(kind)
