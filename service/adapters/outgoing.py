"""Requests to the outside that reach no inside: the name is resolved once, and what was checked is connected to."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
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


class HttpOutgoing:
    """The port Outgoing. Follows no redirects, heeds no proxy, reads no more than the first bytes of an answer."""

    def __init__(self, destinations: Destinations) -> None:
        self._destinations = destinations

    async def post(self, url: str, body: bytes, headers: Mapping[str, str], *, at: datetime) -> Attempt:
        """Send once; what goes wrong becomes the attempt's `error`, or the answer's status."""
        started = perf_counter()
        status, answer, error = None, b"", None
        try:
            async with asyncio.timeout(TOTAL_S):
                status, answer = await self._post(httpx.URL(url), body, headers)
        except TimeoutError:
            error = f"it took longer than {TOTAL_S:g} s"
        except (InvalidInput, httpx.HTTPError, httpx.InvalidURL, OSError, UnicodeError) as cause:
            error = str(cause) or type(cause).__name__
        duration_ms = round((perf_counter() - started) * 1000, 1)
        return Attempt(at, duration_ms, status, _printable(answer), error)

    async def _post(self, url: httpx.URL, body: bytes, headers: Mapping[str, str]) -> tuple[int, bytes]:
        addresses = await self._resolve(url)
        timeout = httpx.Timeout(TOTAL_S, connect=CONNECT_S)
        async with httpx.AsyncClient(timeout=timeout, trust_env=False, follow_redirects=False) as client:
            for address in addresses[:-1]:
                with suppress(httpx.ConnectError, httpx.ConnectTimeout):
                    return await _send(client, url, address, body, headers)
            return await _send(client, url, addresses[-1], body, headers)

    async def _resolve(self, url: httpx.URL) -> list[IPv4Address | IPv6Address]:
        """Every address of the host. Raises InvalidInput if one of them may not be asked."""
        port = url.port or (443 if url.scheme == "https" else 80)
        found = await asyncio.get_running_loop().getaddrinfo(url.host, port, type=socket.SOCK_STREAM)
        addresses = list(dict.fromkeys(ip_address(each[4][0]) for each in found))
        for address in addresses:
            if not self._destinations.allows(url.host, address):
                raise InvalidInput(
                    f"{url.host} leads to {address}, which is private and not in BPKD_WEBHOOK_PRIVATE_HOSTS"
                )
        return addresses


async def _send(
    client: httpx.AsyncClient,
    url: httpx.URL,
    address: IPv4Address | IPv6Address,
    body: bytes,
    headers: Mapping[str, str],
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
