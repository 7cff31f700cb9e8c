"""The network addresses that a task may contact: public ones, and those that the operator allows.
Any user who may submit tasks can choose a URL, and the worker that opens it is inside the network.
Without this guard, a task could read the cloud's metadata service.
"""

import asyncio
import ipaddress
import socket
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from urllib.parse import urlsplit

from tasks_app.processors.outcomes import Fail

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Resolver = Callable[[str, int], Awaitable[list[str]]]

_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_TEREDO = ipaddress.IPv6Network("2001::/32")
_SIX_TO_FOUR = ipaddress.IPv6Network("2002::/16")
_CARRIER = ipaddress.IPv4Network("100.64.0.0/10")  # also what clouds give to pods
_GLOBAL_UNICAST = ipaddress.IPv6Network("2000::/3")

# They hand out credentials, so opening private networks does not open them; only an entry of the
# allow-list does. AWS, Azure, Google, Oracle and others share the link-local one.
_METADATA: tuple[Network, ...] = (
    ipaddress.IPv4Network("169.254.0.0/16"),
    ipaddress.IPv6Network("fe80::/10"),
    ipaddress.IPv6Network("fd00:ec2::/32"),  # AWS
    ipaddress.IPv4Network("168.63.129.16/32"),  # Azure, a public address that is not
    ipaddress.IPv4Network("100.100.100.200/32"),  # Alibaba
    ipaddress.IPv4Network("192.0.0.192/32"),  # Oracle
)


class RefusedAddress(Fail):
    """The address is not one that tasks may connect to; a retry cannot help."""


class UnresolvedName(OSError):  # noqa: N818 - named like its sibling
    """The name cannot be resolved at present."""


@dataclass(frozen=True, slots=True)
class _Exception:
    """An entry of the allow-list: a host name or a network, on one port or on all."""

    host: str | None
    network: Network | None
    port: int | None

    def covers(self, host: str, address: Address, port: int) -> bool:
        if self.port is not None and self.port != port:
            return False
        if self.network is not None:
            return address in self.network
        return host.lower().rstrip(".") == self.host


@dataclass(frozen=True, slots=True)
class AddressRules:
    """The permitted addresses. `allow_private` permits private and loopback networks, but not
    metadata services."""

    allow_private: bool = False
    exceptions: tuple[_Exception, ...] = ()

    @classmethod
    def of(cls, *, allow_private: bool, allow: Iterable[str]) -> "AddressRules":
        """Rules from the settings. `allow` holds hosts, addresses or networks, each with an
        optional port: `billing.internal`, `10.0.0.0/8`, `127.0.0.1:8080`, `[::1]:80`.

        Raises ValueError, naming the entry, when one is none of these.
        """
        return cls(allow_private, tuple(_parse_exception(entry) for entry in allow))

    def permits(self, host: str, address: Address, port: int) -> bool:
        """Whether a task that asked for `host` may connect to `address`."""
        bare = _unwrapped(address)
        if any(e.covers(host, a, port) for e in self.exceptions for a in (address, bare)):
            return True
        if any(bare in network for network in _METADATA):
            return False
        return is_public(bare) or (self.allow_private and _is_private(bare))


def is_public(address: Address) -> bool:
    """Whether the address is public, also if it is embedded in another one."""
    bare = _unwrapped(address)
    if bare.is_multicast or not bare.is_global:
        return False
    if bare.version == 4:
        return True
    # 6to4 and Teredo carry an IPv4 address of somebody's choice through a relay.
    return bare in _GLOBAL_UNICAST and bare not in _SIX_TO_FOUR and bare not in _TEREDO


def _is_private(address: Address) -> bool:
    if address.is_loopback:
        return True
    if address.is_multicast or address.is_unspecified or address.is_reserved:
        return False
    return address.is_private or address in _CARRIER


def _unwrapped(address: Address) -> Address:
    """The IPv4 address in an IPv4-mapped or NAT64 address, otherwise the same address."""
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return address.ipv4_mapped
        if address in _NAT64:
            return ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
    return address


def _parse_exception(entry: str) -> _Exception:
    try:
        return _Exception(None, ipaddress.ip_network(entry), None)
    except ValueError:
        pass
    try:
        parts = urlsplit(f"//{entry}")
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise ValueError(f"{entry!r} is not a host, address or network: {error}.") from error
    if not host or parts.path or parts.query or parts.username is not None:
        raise ValueError(f"{entry!r} is not a host, address or network.")
    try:
        return _Exception(None, ipaddress.ip_network(host), port)
    except ValueError:
        return _Exception(host.rstrip("."), None, port)


async def system_resolver(host: str, port: int) -> list[str]:
    """The addresses of a host, as the operating system finds them."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    # Without duplicates, in the system's order of preference.
    return list(dict.fromkeys(str(info[4][0]) for info in found))


async def vetted_addresses(
    host: str, port: int, rules: AddressRules, resolve: Resolver = system_resolver
) -> list[str]:
    """The addresses of `host` to connect to. Connect to these, not to the name, since the name may
    resolve to another address the next time.

    Raises RefusedAddress when any address of the host is not permitted, UnresolvedName when it
    has none.
    """
    try:
        found = await resolve(host, port)
    except (socket.gaierror, UnicodeError) as error:
        raise UnresolvedName(f"{host} cannot be resolved: {error}") from error
    if not found:
        raise UnresolvedName(f"{host} has no address.")
    for text in found:
        if not rules.permits(host, ipaddress.ip_address(text), port):
            raise RefusedAddress(
                f"{host} port {port} is not a public address. An operator can allow it with "
                "HTTP_REQUEST_ALLOW or HTTP_REQUEST_ALLOW_PRIVATE."
            )
    return found
