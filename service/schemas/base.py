"""What every part of the wire format shares: bounded words, pages, problems."""

from __future__ import annotations

from typing import Annotated, Generic, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints
from pydantic.config import JsonDict

T = TypeVar("T")
DEFAULT_ALIAS = "production"
"""What serves when a request names neither an alias nor a version."""
TEXT_PATTERN = r"^[^\x00]*$"
"""Text that every store can keep: PostgreSQL takes no NUL, and a backup of SQLite may be restored there."""
Label = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=TEXT_PATTERN)]
NAME_PATTERN = r"^[a-z0-9][a-z0-9._-]{0,63}$"
Name = Annotated[str, StringConstraints(pattern=NAME_PATTERN)]
"""A name that stands in URLs: lower case letters, digits, dot, dash and underscore."""
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Reason = Annotated[str, StringConstraints(max_length=1000, pattern=TEXT_PATTERN)]
Fraction = Annotated[float, Field(ge=0, le=1)]


def _without_nul(key: str) -> str:
    if "\0" in key:
        raise ValueError("Expected a key without NUL")
    return key


MetadataKey = Annotated[str, StringConstraints(min_length=1, max_length=64), AfterValidator(_without_nul)]
"""Not by a pattern: Pydantic would turn it into `patternProperties`, of which generators of clients make no types."""
MetadataValue = Annotated[str, StringConstraints(max_length=512, pattern=TEXT_PATTERN)]
_KEYS: JsonDict = {"propertyNames": {"minLength": 1, "maxLength": 64, "pattern": TEXT_PATTERN}}
Metadata = Annotated[
    dict[MetadataKey, MetadataValue],
    Field(max_length=16, description="kept and returned as it is", json_schema_extra=_KEYS),
]


class Wire(BaseModel):
    """A frozen answer."""

    model_config = ConfigDict(frozen=True, extra="ignore", json_schema_serialization_defaults_required=True)


class List(Wire, Generic[T]):
    """One page. `has_more` says whether `after=<last_id>` brings another."""

    object: Literal["list"] = "list"
    data: list[T]
    has_more: bool
    first_id: str | None
    last_id: str | None


class Failure(Wire):
    """Why a job or a validation failed."""

    code: str
    message: str
    param: str | None = None
    hint: str | None = None
    retryable: bool = False


class Blame(Wire):
    """One field and what is wrong with it.

    pointer: `#/student/arch` in the body, `?limit` in the query, `/job_id` in the path.
    """

    pointer: str
    detail: str


class Problem(Wire):
    """Why a request was refused (RFC 9457). type: a page of this server that says more."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    errors: list[Blame] = []
    hint: str | None = None
    request_id: str | None = None
