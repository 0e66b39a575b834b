"""Nobody in without a key, unless the server can only be reached from its own machine."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from fakes.records import add_ready_dataset
from fakes.services import memory_service
from fastapi.routing import iter_route_contexts
from starlette.testclient import TestClient

from bpkd_core.errors import InvalidInput
from service.api import create_app
from service.api.auth import admit_first_key, needs_key, refuse_unlocked
from service.api.scopes import needed
from service.domain.keys import SCOPES, SECRET_BYTES, ApiKey, digest, secret_of
from service.settings import read_settings
from service.wiring import Service

OPEN = {"/", "/healthz", "/readyz", "/openapi.json", "/docs", "/problems", "/problems/{code}"}


@pytest.fixture
def locked(tmp_path: Path) -> Service:
    return memory_service(tmp_path, auth="required")


@pytest.fixture
def api(locked: Service) -> Iterator[TestClient]:
    with TestClient(create_app(locked)) as client:
        yield client


def add_key(service: Service, **limits: Any) -> str:
    secret = secret_of(service.entropy(SECRET_BYTES))
    service.keys.add(ApiKey(service.new_id("key"), "test", digest(secret), service.now(), **limits))
    return secret


def bearer(secret: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {secret}"}


def operations(api: TestClient) -> Iterator[tuple[str, str]]:
    """Every method of every route, with its template."""
    for route in iter_route_contexts(api.app.routes):
        for method in route.methods - {"HEAD"}:
            yield method, route.path_format if hasattr(route, "path_format") else route.path


def test_every_route_but_health_and_pages_asks_for_a_key(api: TestClient) -> None:
    # a route that forgets its guard is an open door; so all of them are walked, with every method
    asked = 0
    for method, path in operations(api):
        status = api.request(method, path.replace("{", "").replace("}", "")).status_code
        assert (status == 401) == (path not in OPEN), (method, path, status)
        asked += status == 401
    assert asked > 25


def test_every_route_asks_for_its_scope_and_for_no_other(api: TestClient, locked: Service) -> None:
    # the table is what is enforced: a key with the scope comes past the guard, a key with all others does not
    only = {scope: bearer(add_key(locked, scopes=(scope,))) for scope in SCOPES}
    plain = {"read", "write", "infer"}
    but = {scope: bearer(add_key(locked, scopes=tuple(plain - {scope}))) for scope in SCOPES}
    seen = set()
    for method, path in operations(api):
        if path in OPEN:
            continue
        scope, url = needed(method, path), path.replace("{", "").replace("}", "")
        seen.add(scope)
        assert api.request(method, url, headers=only[scope]).status_code not in (401, 403), (method, path)
        assert api.request(method, url, headers=only["admin"]).status_code not in (401, 403), (method, path)
        refusal = api.request(method, url, headers=but[scope])
        assert refusal.status_code == 403, (method, path)
        assert f"this needs {scope}" in refusal.json()["detail"]
    assert seen == set(SCOPES)


@pytest.mark.parametrize(
    ("method", "route", "scope"),
    [
        ("GET", "/v1/jobs", "read"),
        ("HEAD", "/v1/jobs/{job_id}", "read"),
        ("POST", "/v1/jobs", "write"),
        ("PUT", "/v1/models/{model}/aliases/{alias}", "write"),
        ("POST", "/v1/models/{model}/infer", "infer"),
        ("POST", "/v1/models/{model}/versions", "write"),
        ("GET", "/v1/webhooks", "read"),
        ("POST", "/v1/webhooks", "admin"),
        ("DELETE", "/v1/webhooks/{webhook_id}", "admin"),
        ("POST", "/v1/webhooks/{webhook_id}/deliveries/{number}/replay", "admin"),
    ],
)
def test_the_table_says_what_people_expect(method: str, route: str, scope: str) -> None:
    # a camera that may send images must not be able to promote a model
    assert needed(method, route) == scope


def test_a_known_key_opens(api: TestClient, locked: Service) -> None:
    # and it is the key, not its prefix, that opens
    secret = add_key(locked)
    assert api.get("/v1/jobs", headers=bearer(secret)).status_code == 200
    for wrong in (secret[:-1], secret.upper(), "", "bpkd_", "\xff"):
        answer = api.get("/v1/jobs", headers={"Authorization": f"Bearer {wrong}".encode("latin-1")})
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"] == "Bearer"


def test_a_key_ends_at_its_time(api: TestClient, locked: Service) -> None:
    # a contractor's key must not outlive the contract
    for past, status in ((timedelta(seconds=1), 401), (timedelta(hours=-1), 200)):
        answer = api.get("/v1/jobs", headers=bearer(add_key(locked, expires_at=locked.now() - past)))
        assert answer.status_code == status
        assert ("expired" in answer.text) == (status == 401)


def test_the_last_use_of_a_key_is_noted_to_the_minute(api: TestClient, locked: Service) -> None:
    # whoever tidies up must see which keys nobody uses, and a write for each request would cost too much
    secret, idle = add_key(locked), add_key(locked)
    api.get("/v1/jobs", headers=bearer(secret))
    key = locked.keys.find(digest(secret))
    assert key is not None
    assert key.used_lately(locked.now())
    api.get("/v1/jobs", headers=bearer(secret))
    assert locked.keys.find(digest(secret)) == key
    assert locked.keys.find(digest(idle)).last_used_at is None


def test_a_revoked_key_is_shut_out_at_once(api: TestClient, locked: Service) -> None:
    # no cache may outlive the decision
    secret = add_key(locked)
    locked.keys.revoke(locked.keys.list()[0].id)
    assert api.get("/v1/jobs", headers=bearer(secret)).status_code == 401


@pytest.mark.parametrize(
    ("auth", "host", "needed"),
    [
        ("auto", "127.0.0.1", False),
        ("auto", "127.8.8.8", False),
        ("auto", "::1", False),
        ("auto", "localhost", False),
        ("auto", "0.0.0.0", True),
        ("auto", "::", True),
        ("auto", "example.org", True),
        ("required", "127.0.0.1", True),
        ("off", "0.0.0.0", False),
    ],
)
def test_a_key_is_needed_unless_only_loopback_listens(auth: str, host: str, needed: bool) -> None:
    # the default must be safe on every address
    assert needs_key(read_settings(auth=auth, host=host)) is needed


def test_an_open_address_without_a_key_does_not_start(tmp_path: Path) -> None:
    # a server that nobody can use, or anybody, is no server
    service = memory_service(tmp_path, host="0.0.0.0")
    with pytest.raises(InvalidInput, match="no API key"):
        refuse_unlocked(service)
    add_key(service)
    refuse_unlocked(service)


def test_the_first_key_opens_a_fresh_server_and_no_other(tmp_path: Path) -> None:
    # a container has nobody to make a key before it starts; a key that was revoked must not come back with a restart
    service = memory_service(tmp_path, host="0.0.0.0", first_key="bpkd_" + "a" * 32)
    admit_first_key(service)
    refuse_unlocked(service)
    first = service.keys.find(digest("bpkd_" + "a" * 32))
    assert first is not None
    add_key(service)
    service.keys.revoke(first.id)
    admit_first_key(service)
    assert service.keys.find(first.sha256) is None


def test_a_wrong_key_is_refused_even_where_none_is_needed(tmp_path: Path) -> None:
    # otherwise a typo in a key would go unnoticed until the server moves to another address
    with TestClient(create_app(memory_service(tmp_path))) as api:
        assert api.get("/v1/jobs").status_code == 200
        assert api.get("/v1/jobs", headers={"Authorization": "Bearer bpkd_nobody"}).status_code == 401


def test_a_key_at_its_limit_is_told_when_to_try_again(api: TestClient, locked: Service) -> None:
    # 429, so that every client's backoff understands it
    mine = bearer(add_key(locked, max_queued=1))
    body = {"dataset": add_ready_dataset(locked).id, "student": {"type": "arch", "arch": "ddrnet_23_nano"}}
    assert api.post("/v1/jobs", json=body, headers=mine).status_code == 201
    refused = api.post("/v1/jobs", json=body, headers=mine)
    assert (refused.status_code, refused.json()["code"]) == (429, "quota_exceeded")
    assert int(refused.headers["retry-after"]) > 0
    assert "it may have 1" in refused.json()["detail"]
    assert api.post("/v1/jobs", json=body, headers=bearer(add_key(locked))).status_code == 201
