"""What the client raises.

::

    BpkdError
    ├── RequestFailed   request_failed   the server refused; `problem` is its answer, with a stable `code`
    └── Unreachable     unreachable      nobody answers at the address, or the connection breaks again and again
"""

from __future__ import annotations

from http import HTTPStatus

import httpx
from pydantic import ValidationError

from bpkd_core.errors import BpkdError
from service.schemas import Problem


class RequestFailed(BpkdError):
    """The server refused a request.

    problem: its answer. `problem.code` is stable, `problem.status` is HTTP's, `problem.errors` names fields by pointer.
    param: the first of these pointers. retry_after: the header of that name, or "".
    """

    code = "request_failed"

    def __init__(self, problem: Problem, retry_after: str = "") -> None:
        super().__init__(problem.detail, param=problem.errors[0].pointer if problem.errors else None, hint=problem.hint)
        self.problem = problem
        self.retry_after = retry_after

    @classmethod
    def of(cls, response: httpx.Response) -> RequestFailed:
        """From an answer that is no success; one that is no problem comes from something in between."""
        retry_after = response.headers.get("Retry-After", "")
        try:
            problem = Problem.model_validate_json(response.content)
        except ValidationError:
            title = _phrase(response.status_code)
            detail = f"{response.request.url.host} answered {response.status_code} {title} and no problem"
            problem = Problem(type="about:blank", title=title, status=0, detail=detail, code="unknown")
        return cls(problem.model_copy(update={"status": response.status_code}), retry_after)


class Unreachable(BpkdError):
    """No server answers at the address."""

    code = "unreachable"
    retryable = True


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "(a status that HTTP does not know)"
