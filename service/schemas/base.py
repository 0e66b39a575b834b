"""What every part of the wire format shares: bounded words, pages, problems."""

from __future__ import annotations

from typing import Annotated, Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

T = TypeVar("T")
DEFAULT_ALIAS = "production"
"""What serves when a request names neither an alias nor a version."""
Label = Annotated[str, StringConstraints(min_length=1, max_length=200)]
NAME_PATTERN = r"^[a-z0-9][a-z0-9._-]{0,63}$"
Name = Annotated[str, StringConstraints(pattern=NAME_PATTERN)]
"""A name that stands in URLs: lower case letters, digits, dot, dash and underscore."""
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Reason = Annotated[str, StringConstraints(max_length=1000)]
Fraction = Annotated[float, Field(ge=0, le=1)]
MetadataKey = Annotated[str, StringConstraints(min_length=1, max_length=64)]
MetadataValue = Annotated[str, StringConstraints(max_length=512)]
Metadata = Annotated[dict[MetadataKey, MetadataValue], Field(max_length=16, description="kept and returned as it is")]


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
