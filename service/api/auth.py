"""Who calls: an API key in `Authorization: Bearer bpkd_...`, unless the server listens on loopback only."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from ipaddress import ip_address
from typing import Annotated

from fastapi import BackgroundTasks, Depends
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

from bpkd_core.errors import InvalidInput
from service.api.context import Here
from service.api.scopes import needed
from service.domain.errors import Forbidden, StorageFull, Unauthorized, Unavailable
from service.domain.keys import ApiKey, Scope, digest
from service.settings import Settings
from service.wiring import Service

_bearer = HTTPBearer(auto_error=False, scheme_name="ApiKey", description="An API key: `Bearer bpkd_...`")


@dataclass(frozen=True)
class Caller:
    """Who sent a request. id: the key's, or None for anybody on this machine, who may do everything."""

    id: str | None


async def authenticate(
    request: Request,
    here: Here,
    after: BackgroundTasks,
    credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)],
) -> Caller:
    """Look the key up, and whether it may do this. It is looked up each time, so that revoking it counts at once.

    A key that was sent must be a known one, even where none is needed. Raises Unauthorized and Forbidden.
    """
    service = here.service
    if credentials is None:
        if needs_key(service.settings):
            raise Unauthorized("No API key was sent; expected the header `Authorization: Bearer bpkd_...`")
        return Caller(None)
    key = _valid(await run_in_threadpool(service.keys.find, digest(credentials.credentials)), service.now())
    _permit(key, needed(request.method, request.scope["route"].path))
    if not key.used_lately(service.now()):
        after.add_task(_note_use, service, key.id)
    return Caller(key.id)


Me = Annotated[Caller, Depends(authenticate)]


def _valid(key: ApiKey | None, now: datetime) -> ApiKey:
    if key is None:
        raise Unauthorized("The API key is unknown; it may have been revoked")
    if key.expired(now):
        raise Unauthorized(f'The API key "{key.name}" expired {key.expires_at:%Y-%m-%d %H:%M} UTC; ask for a new one')
    return key


def _permit(key: ApiKey, scope: Scope) -> None:
    if not key.may(scope):
        raise Forbidden(
            f'The API key "{key.name}" has the scopes {", ".join(key.scopes)}; this needs {scope}',
            hint=f"`bpkd keys create NAME --scope {scope}` makes a key that may.",
        )


def _note_use(service: Service, key_id: str) -> None:
    """After the answer, so that no request waits for it."""
    with suppress(Unavailable, StorageFull):
        service.keys.touch(key_id)


def needs_key(settings: Settings) -> bool:
    """Whether requests without a key are refused."""
    return settings.auth == "required" or (settings.auth == "auto" and not _is_loopback(settings.host))


def admit_first_key(service: Service) -> None:
    """Let the key of the settings in, as long as there is no other: a fresh deployment has nobody to make one."""
    secret = service.settings.first_key
    if secret is not None and not service.keys.list():
        service.keys.add(ApiKey(service.new_id("key"), "first", digest(secret), service.now()))


def refuse_unlocked(service: Service) -> None:
    """Raise InvalidInput rather than start a server that needs a key while there is none."""
    if needs_key(service.settings) and not service.keys.list():
        raise InvalidInput(
            f"The API would listen on {service.settings.host} and there is no API key yet; create one first",
            param="auth",
            hint="`bpkd keys create NAME` prints a new key once; a loopback host needs none.",
        )


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
