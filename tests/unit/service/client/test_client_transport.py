"""The client's patience: what is repeated, how often, and with which key."""

from __future__ import annotations

from collections.abc import Callable

import httpx
import pytest

from bpkd_core.errors import BpkdError
from service.client import Client, Patience, RequestFailed, Unreachable

PROBLEM = {
    "type": "/problems/busy",
    "title": "Too Many Requests",
    "status": 429,
    "detail": "The queue is full",
    "code": "busy",
    "hint": "Wait.",
}
HEADERS = {"Content-Type": "application/problem+json"}


class Script:
    """A server that answers by a list, and keeps what it was asked."""

    def __init__(self, *answers: httpx.Response | Exception) -> None:
        self._answers = list(answers)
        self.requests: list[httpx.Request] = []
        self.slept: list[float] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        answer = self._answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def client(self, api_key: str | None = None) -> Client:
        transport = httpx.MockTransport(self)
        return Client(
            "http://server", api_key, patience=Patience(tries=3), transport=transport, sleep=self.slept.append
        )


def busy(retry_after: str = "2") -> httpx.Response:
    return httpx.Response(429, json=PROBLEM, headers={**HEADERS, "Retry-After": retry_after})


def report() -> httpx.Response:
    return httpx.Response(200, json={"problems": []})


@pytest.mark.parametrize(
    "failure",
    [
        lambda: httpx.ConnectError("refused"),
        lambda: httpx.ReadError("reset"),
        lambda: httpx.RemoteProtocolError("closed"),
        lambda: httpx.Response(503),
        busy,
    ],
)
def test_what_may_pass_is_tried_again(failure: Callable[[], httpx.Response | Exception]) -> None:
    # the API restarts, and nobody who follows a two-day job should notice
    script = Script(failure(), failure(), report())
    with script.client() as client:
        assert client.datasets.report("ds_1") == {"problems": []}
    assert len(script.slept) == 2


def test_patience_ends(recwarn: pytest.WarningsRecorder) -> None:
    # for ever would be a hang
    with (
        Script(*[httpx.ConnectError("refused")] * 3).client() as client,
        pytest.raises(Unreachable, match="http://server"),
    ):
        client.datasets.get("ds_1")
    with Script(busy(), busy(), busy()).client() as client, pytest.raises(RequestFailed, match="The queue is full"):
        client.datasets.get("ds_1")
    assert not recwarn.list


def test_the_server_says_how_long_to_wait() -> None:
    # but never longer than the client's own limit: a wrong header must not stop it for a day
    script = Script(busy("2"), busy("86400"), report())
    with script.client() as client:
        client.datasets.report("ds_1")
    assert script.slept[0] == 2.0
    assert script.slept[1] == 5.0


def test_what_will_not_pass_is_raised_at_once() -> None:
    # with the server's sentence and its code
    problem = {**PROBLEM, "status": 404, "code": "not_found", "detail": 'There is no job "job_1".'}
    script = Script(httpx.Response(404, json=problem))
    with script.client() as client, pytest.raises(RequestFailed) as caught:
        client.jobs.get("job_1")
    assert isinstance(caught.value, BpkdError)
    assert (caught.value.message, caught.value.hint) == ('There is no job "job_1".', "Wait.")
    assert caught.value.problem.code == "not_found"
    assert script.slept == []


def test_an_answer_of_something_in_between_is_told_as_such() -> None:
    # a proxy's HTML page is no problem object
    script = Script(httpx.Response(502, text="<html>Bad Gateway</html>"))
    with script.client() as client, pytest.raises(RequestFailed, match="502 Bad Gateway"):
        client.jobs.get("job_1")


def test_each_post_has_one_key_for_all_its_tries() -> None:
    # the first try may have done it, and only its answer was lost
    dataset = {"name": "x", "path": "/data"}
    script = Script(
        httpx.ReadError("reset"), busy(), httpx.Response(404, json=PROBLEM), httpx.Response(404, json=PROBLEM)
    )
    with script.client() as client:
        for _ in range(2):
            with pytest.raises(RequestFailed):
                client.datasets.create(**dataset)
    first, second, third, other = (each.headers["Idempotency-Key"] for each in script.requests)
    assert first == second == third
    assert other != first


def test_the_key_travels_and_parameters_without_value_do_not() -> None:
    # `?after=None` would ask for what comes after "None"
    script = Script(httpx.Response(200, json={"data": [], "has_more": False, "first_id": None, "last_id": None}))
    with script.client("bpkd_secret") as client:
        assert client.jobs.list(status="queued").data == []
    assert script.requests[0].url.query == b"limit=20&status=queued"
    assert script.requests[0].headers["Authorization"] == "Bearer bpkd_secret"


def test_what_an_earlier_try_has_deleted_is_deleted() -> None:
    # its answer was lost; and what was never there is an error
    gone = httpx.Response(404, json={**PROBLEM, "code": "not_found"})
    with Script(httpx.ReadError("reset"), gone).client() as client:
        client.models.delete("street", 3)
    with Script(httpx.Response(404, json=PROBLEM)).client() as client, pytest.raises(RequestFailed):
        client.models.delete("street", 3)


def test_a_try_that_is_still_being_worked_on_is_waited_for() -> None:
    # the first connection broke while the server was busy with it
    in_flight = httpx.Response(409, json={**PROBLEM, "status": 409, "code": "idempotency_in_flight"})
    conflict = httpx.Response(409, json={**PROBLEM, "status": 409, "code": "conflict"})
    script = Script(httpx.ReadError("reset"), in_flight, conflict)
    with script.client() as client, pytest.raises(RequestFailed) as caught:
        client.jobs.cancel("job_1")
    assert caught.value.problem.code == "conflict"
    assert len(script.slept) == 2


def test_an_error_names_the_field_to_blame() -> None:
    # as the server's problem does
    blames = [{"pointer": "#/student/arch", "detail": "unknown"}]
    script = Script(httpx.Response(422, json={**PROBLEM, "status": 422, "errors": blames}))
    with script.client() as client, pytest.raises(RequestFailed) as caught:
        client.jobs.create({})
    assert (caught.value.param, caught.value.problem.errors[0].detail) == ("#/student/arch", "unknown")
