"""Where outgoing requests may go: everywhere in public, and to those private places that the operator allows.

A URL comes from a caller, who may try to reach through this server what only this server can reach. So the address that
a name stands for is checked, and it is the checked address that is connected to.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network
from urllib.parse import SplitResult, urlsplit

from bpkd_core.errors import InvalidInput

MAX_URL = 2048
_NAT64 = IPv6Network("64:ff9b::/96")
_HINT = "BPKD_WEBHOOK_PRIVATE_HOSTS names hosts, addresses and networks that are private and allowed."


@dataclass(frozen=True)
class Destinations:
    """private_hosts: names, addresses and networks (`10.1.0.0/16`) that are allowed although they are private."""

    private_hosts: Sequence[str] = ()

    def check_url(self, url: str, *, param: str = "url") -> None:
        """Raise InvalidInput unless a request may be sent to a URL, as far as that shows without resolving its name."""
        parts = _split(url, param)
        host = parts.hostname or ""
        address = _literal(host)
        if parts.scheme == "http" and not self._known(host, address):
            raise InvalidInput(f"{param} starts with http:; expected https: for a public host", param=param, hint=_HINT)
        if (address and not self.allows(host, address)) or (host == "localhost" and not self._known(host, None)):
            raise InvalidInput(f"{host} is a private address; expected a public one", param=param, hint=_HINT)

    def allows(self, host: str, address: IPv4Address | IPv6Address) -> bool:
        """Whether a host may be asked at an address that its name stands for."""
        inner = _embedded(address)
        return self._known(host, inner) or (inner.is_global and not inner.is_multicast)

    def _known(self, host: str, address: IPv4Address | IPv6Address | None) -> bool:
        return any(host == entry.lower() or _within(address, entry) for entry in self.private_hosts)


def _split(url: str, param: str) -> SplitResult:
    readable = len(url) <= MAX_URL and url.isascii() and url.isprintable() and " " not in url
    try:
        parts = urlsplit(url) if readable else urlsplit("")
        complete = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        parts, complete = urlsplit(""), False
    if not complete:
        raise InvalidInput(
            f"{param} is no address to send to; expected one such as https://example.org/hook", param=param
        )
    if parts.username is not None or parts.fragment:
        raise InvalidInput(f"{param} holds a user or a fragment; expected neither", param=param)
    return parts


def _literal(host: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(host)
    except ValueError:
        return None


def _within(address: IPv4Address | IPv6Address | None, entry: str) -> bool:
    try:
        return address is not None and address in ip_network(entry, strict=False)
    except ValueError:
        return False


def _embedded(address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    """The IPv4 address that an IPv6 one leads to by mapping, 6to4 or NAT64; any other as it is."""
    if isinstance(address, IPv4Address):
        return address
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFF_FFFF)
    return address.ipv4_mapped or address.sixtofour or address
