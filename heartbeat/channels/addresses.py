"""Where a message may go: public addresses only, unless the channel says otherwise.

The address that was checked is the one that is connected to, so a name that answers differently a moment later (DNS
rebinding) gains nothing; TLS still verifies the certificate against the name.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

from heartbeat.errors import ChannelFailed

Resolver = Callable[[str, int], list[str]]

CONNECT = 3.05
"""Seconds to connect: a little more than a lost SYN and its repetition take."""
ADDRESSES_MAX = 3
"""Addresses of one name that are tried."""
UNICAST = IPv6Network("2000::/3")  # all that is handed out so far (IANA, IPv6 global unicast address space)
NAT64 = IPv6Network("64:ff9b::/96")  # RFC 6052: an IPv4 address in the last 32 bits


@dataclass(frozen=True, slots=True, kw_only=True)
class Guard:
    """What is allowed. tls: how certificates are verified."""

    allow_private: bool = False
    resolver: Resolver | None = None
    tls: ssl.SSLContext = field(default_factory=ssl.create_default_context)

    def connect(self, host: str, port: int, *, secure: bool) -> socket.socket:
        """A connected socket to the host, at an address that is allowed. Raises `ChannelFailed`."""
        found = (self.resolver or resolve)(host, port)
        refused = [] if self.allow_private else [address for address in found if not public(address)]
        if refused:
            remedy = "no public address; allow it with allow_private: true"
            raise ChannelFailed(f"{host} is at {refused[0]}, which is {remedy}", refused=True)
        wire = _first(host, found[:ADDRESSES_MAX], port)
        return _secured(wire, host, self.tls) if secure else wire


def resolve(host: str, port: int) -> list[str]:
    """All addresses of a host, each once, in the resolver's order."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise ChannelFailed(f"{host} has no address (DNS)", unsent=True) from None
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def public(address: str) -> bool:
    """Whether this is an address of the public internet, also after what is packed in it has been unpacked."""
    ip = ip_address(address.partition("%")[0])
    if isinstance(ip, IPv4Address):
        return ip.is_global and not ip.is_multicast
    inner = _inner(ip)
    return public(str(inner)) if inner else ip.is_global and ip in UNICAST


def _inner(ip: IPv6Address) -> IPv4Address | None:
    if ip in NAT64:
        return IPv4Address(int(ip) & 0xFFFF_FFFF)
    return ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else None)


def _first(host: str, addresses: list[str], port: int) -> socket.socket:
    problem = "no address"
    for address in addresses:
        try:
            return socket.create_connection((address, port), timeout=CONNECT)
        except OSError as error:
            problem = type(error).__name__
    raise ChannelFailed(f"{host}:{port} cannot be reached ({problem})", unsent=True)


def _secured(raw: socket.socket, host: str, tls: ssl.SSLContext) -> socket.socket:
    try:
        return tls.wrap_socket(raw, server_hostname=host)
    except OSError as error:
        raw.close()
        problem = getattr(error, "verify_message", "") or type(error).__name__
        raise ChannelFailed(f"TLS with {host} failed ({problem})", unsent=True) from None
