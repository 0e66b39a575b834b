"""Requests to the outside that reach no inside: the name is resolved once, and what was checked is connected to."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from functools import cached_property
from ipaddress import IPv4Address, IPv6Address, ip_address
from time import perf_counter

import httpx

from bpkd_core.errors import InvalidInput
from service.domain.deliveries import Attempt
from service.domain.destinations import Destinations

TOTAL_S = 15.0
"""For everything: a receiver that sends a byte now and then must not hold a sender for ever."""
CONNECT_S = 5.0
ANSWER_BYTES = 512
Address = IPv4Address | IPv6Address
Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
"""The addresses of a host, for a port. Raises OSError."""


async def look_up(host: str, port: int) -> Sequence[str]:
    """As the operating system resolves names."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(each[4][0]) for each in found]


class HttpOutgoing:
    """The port Outgoing. Follows no redirects, heeds no proxy, reads no more than the first bytes of an answer."""

    def __init__(
        self,
        destinations: Destinations,
        *,
        resolve: Resolve = look_up,
        total_s: float = TOTAL_S,
        authorities: str | None = None,
    ) -> None:
        """authorities: a PEM text of certificates to trust; default: those that httpx brings."""
        self._destinations = destinations
        self._resolve = resolve
        self._total_s = total_s
        self._authorities = authorities

    async def post(self, url: str, body: bytes, headers: Mapping[str, str], *, at: datetime) -> Attempt:
        """Send once; what goes wrong becomes the attempt's `error`, or the answer's status."""
        started = perf_counter()
        status, answer, error = None, b"", None
        try:
            async with asyncio.timeout(self._total_s):
                status, answer = await self._post(httpx.URL(url), body, headers)
        except TimeoutError:
            error = f"it took longer than {self._total_s:g} s"
        except (InvalidInput, httpx.HTTPError, httpx.InvalidURL, OSError, UnicodeError) as cause:
            error = str(cause) or type(cause).__name__
        duration_ms = round((perf_counter() - started) * 1000, 1)
        return Attempt(at, duration_ms, status, _printable(answer), error)

    async def _post(self, url: httpx.URL, body: bytes, headers: Mapping[str, str]) -> tuple[int, bytes]:
        *others, last = await self._addresses(url)
        timeout = httpx.Timeout(self._total_s, connect=CONNECT_S)
        async with httpx.AsyncClient(verify=self._tls, timeout=timeout, trust_env=False) as client:
            for address in others:
                with suppress(httpx.ConnectError, httpx.ConnectTimeout):
                    return await _send(client, url, address, body, headers)
            return await _send(client, url, last, body, headers)

    async def _addresses(self, url: httpx.URL) -> list[Address]:
        """Every address of the host. Raises InvalidInput if one of them may not be asked."""
        found = await self._resolve(url.host, url.port or (443 if url.scheme == "https" else 80))
        addresses = list(dict.fromkeys(map(ip_address, found)))
        for address in addresses:
            if not self._destinations.allows(url.host, address):
                raise InvalidInput(
                    f"{url.host} leads to {address}, which is private and not in BPKD_WEBHOOK_PRIVATE_HOSTS"
                )
        return addresses

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        """Once, because reading all authorities takes longer than a request."""
        return ssl.create_default_context(cadata=self._authorities) if self._authorities else httpx.create_ssl_context()


async def _send(
    client: httpx.AsyncClient, url: httpx.URL, address: Address, body: bytes, headers: Mapping[str, str]
) -> tuple[int, bytes]:
    """To an address, in the name of the URL's host: that is what its certificate is compared with."""
    request = client.build_request(
        "POST",
        url.copy_with(host=str(address)),
        content=body,
        headers={**headers, "Host": url.netloc.decode()},
        extensions={"sni_hostname": url.host},
    )
    response = await client.send(request, stream=True)
    try:
        return response.status_code, await _beginning(response)
    finally:
        await response.aclose()


async def _beginning(response: httpx.Response) -> bytes:
    """As it travels, so that nothing is unpacked."""
    read = b""
    async for block in response.aiter_raw(ANSWER_BYTES):
        read += block
        if len(read) >= ANSWER_BYTES:
            break
    return read[:ANSWER_BYTES]


def _printable(answer: bytes) -> str:
    """Text for people, and for any database."""
    text = answer.decode("utf-8", "replace")
    return "".join(each if each.isprintable() or each == "\n" else "\N{REPLACEMENT CHARACTER}" for each in text)
