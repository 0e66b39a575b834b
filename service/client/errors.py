"""What the client raises."""

from __future__ import annotations

from http import HTTPStatus

import httpx
from pydantic import ValidationError

from bpkd_core.errors import BpkdError
from service.schemas import Problem


class RequestFailed(BpkdError):
    """The server refused a request. `problem` is its answer; `problem.code` is stable."""

    code = "request_failed"

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.detail, hint=problem.hint)
        self.problem = problem

    @classmethod
    def of(cls, response: httpx.Response) -> RequestFailed:
        """From an answer that is no success; one that is no problem comes from something in between."""
        try:
            return cls(Problem.model_validate_json(response.content))
        except ValidationError:
            title = HTTPStatus(response.status_code).phrase
            detail = f"{response.request.url.host} answered {response.status_code} {title} and no problem"
            return cls(
                Problem(type="about:blank", title=title, status=response.status_code, detail=detail, code="unknown")
            )


class Unreachable(BpkdError):
    """No server answers at the address."""

    code = "unreachable"
    retryable = True
