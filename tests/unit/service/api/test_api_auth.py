"""Nobody in without a key, unless the server can only be reached from its own machine."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from fakes.services import memory_service
from fastapi.routing import iter_route_contexts
from starlette.testclient import TestClient

from bpkd_core.errors import InvalidInput
from service.api import create_app
from service.api.auth import admit_first_key, needs_key, refuse_unlocked
from service.domain.keys import SECRET_BYTES, ApiKey, digest, secret_of
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


def add_key(service: Service) -> str:
    secret = secret_of(service.entropy(SECRET_BYTES))
    service.keys.add(ApiKey(service.new_id("key"), "test", digest(secret), service.now()))
    return secret


def test_every_route_but_health_and_pages_asks_for_a_key(api: TestClient) -> None:
    # a route that forgets its guard is an open door; so all of them are walked, with every method
    asked = 0
    for route in iter_route_contexts(api.app.routes):
        for method in route.methods - {"HEAD"}:
            path = route.path_format if hasattr(route, "path_format") else route.path
            status = api.request(method, path.replace("{", "").replace("}", "")).status_code
            assert (status == 401) == (path not in OPEN), (method, path, status)
            asked += status == 401
    assert asked > 25


def test_a_known_key_opens(api: TestClient, locked: Service) -> None:
    # and it is the key, not its prefix, that opens
    secret = add_key(locked)
    assert api.get("/v1/jobs", headers={"Authorization": f"Bearer {secret}"}).status_code == 200
    for wrong in (secret[:-1], secret.upper(), "", "bpkd_", "\xff"):
        answer = api.get("/v1/jobs", headers={"Authorization": f"Bearer {wrong}".encode("latin-1")})
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"] == "Bearer"


def test_a_revoked_key_is_shut_out_at_once(api: TestClient, locked: Service) -> None:
    # no cache may outlive the decision
    secret = add_key(locked)
    locked.keys.revoke(locked.keys.list()[0].id)
    assert api.get("/v1/jobs", headers={"Authorization": f"Bearer {secret}"}).status_code == 401


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
