"""Where a request may go: only to public addresses, unless its settings say otherwise.

The address that was checked is the one that is connected to, so a name that answers differently a moment later (DNS
rebinding) gains nothing; TLS still verifies the certificate against the name. No request of a channel,
target or watchdog ever goes where clouds hand out a machine's credentials, whatever the settings say.
"""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network
from queue import Empty, SimpleQueue
from threading import Thread

from heartbeat.errors import SendFailed

Resolver = Callable[[str, int], list[str]]

CONNECT = 3.05
"""Seconds to connect to one address: a little more than a lost SYN and its retransmission take."""
ADDRESSES_MAX = 3
"""Addresses tried for one name."""
UNICAST = IPv6Network("2000::/3")  # IANA, IPv6 global unicast address space: all that is allocated so far
NAT64 = IPv6Network("64:ff9b::/96")  # RFC 6052: the last 32 bits are an IPv4 address
METADATA = tuple(
    ip_network(each)
    for each in (
        "169.254.0.0/16",  # RFC 3927; AWS EC2, ECS and EKS, Google Cloud, Azure, and most others
        "fe80::/10",  # RFC 4291: link-local
        "fd00:ec2::/32",  # AWS: instance metadata and EKS over IPv6
        "100.100.100.200/32",  # Alibaba Cloud
        "168.63.129.16/32",  # Azure's own, though it looks public
    )
)
"""Where clouds tell a machine its credentials, and addresses that mean nothing beyond one link."""


@dataclass(frozen=True, slots=True)
class Deadline:
    """When a whole request must be over, by a monotonic clock (seconds)."""

    at: float
    clock: Callable[[], float] = time.monotonic

    def left(self) -> float:
        """Seconds left. Raises TimeoutError when there are none."""
        left = self.at - self.clock()
        if left <= 0:
            raise TimeoutError
        return left


@lru_cache(maxsize=1)
def trust() -> ssl.SSLContext:
    """Whom TLS trusts: the machine's authorities. Read once, because that takes longer than a request."""
    return ssl.create_default_context()


@dataclass(frozen=True, slots=True, kw_only=True)
class Guard:
    """What is allowed. tls: how certificates are verified, None for the usual way."""

    allow_private: bool = False
    resolver: Resolver | None = None
    tls: ssl.SSLContext | None = None

    def connect(self, host: str, port: int, *, secure: bool, until: Deadline) -> socket.socket:
        """A connected socket to the host, at an allowed address. Raises `SendFailed`: then nothing was sent."""
        try:
            found = _in_time(lambda: (self.resolver or resolve)(host, port), until)
            for address in found:
                if flaw := refusal(address, allow_private=self.allow_private):
                    raise SendFailed(f"{host} is at {address}, {flaw}", refused=True)
            wire = _first(host, found[:ADDRESSES_MAX], port, until)
            return _secured(wire, host, self.tls or trust(), until) if secure else wire
        except TimeoutError:
            raise SendFailed(f"{host}:{port} cannot be reached (TimeoutError)") from None


def is_quiet(wire: socket.socket) -> bool:
    """Whether a connection that nobody uses is still open, and nothing came in on it that nobody asked for."""
    try:
        wire.settimeout(0)
        wire.recv(1)
    except (BlockingIOError, ssl.SSLWantReadError):
        return True
    except OSError:
        pass
    return False


def refusal(address: str, *, allow_private: bool) -> str:
    """Why this address must not be called, "" when it may."""
    if any(each in network for each in _faces(address) for network in METADATA):
        return "where clouds keep a machine's credentials: it is never called"
    if not allow_private and not public(address):
        return "which is not a public address; allow it with allow_private: true"
    return ""


def literal(host: str) -> str:
    """The address that a host is without any DNS, even written as 2130706433 or 0x7f.1; "" for a name."""
    if host == "localhost":
        return "127.0.0.1"
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
    except (OSError, UnicodeError):
        return ""
    return str(found[0][4][0])


def resolve(host: str, port: int) -> list[str]:
    """All addresses of a host, each once, in the resolver's order."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise SendFailed(f"{host} has no address (DNS)") from None
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def public(address: str) -> bool:
    """Whether this is a public internet address, and so is every address embedded in it."""
    ip = _faces(address)[-1]
    if isinstance(ip, IPv4Address):
        return ip.is_global and not ip.is_multicast
    return ip.is_global and ip in UNICAST


def _faces(address: str) -> list[IPv4Address | IPv6Address]:
    """The address, and those embedded in it."""
    ip = ip_address(address.partition("%")[0])
    inner = _inner(ip) if isinstance(ip, IPv6Address) else None
    return [ip, inner] if inner else [ip]


def _inner(ip: IPv6Address) -> IPv4Address | None:
    if ip in NAT64:
        return IPv4Address(int(ip) & 0xFFFF_FFFF)
    return ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else None)


def _in_time(ask: Callable[[], list[str]], until: Deadline) -> list[str]:
    """Asks in a thread, which is abandoned when time is up: the system's resolver has no time limit."""
    answers: SimpleQueue[list[str] | SendFailed] = SimpleQueue()

    def run() -> None:
        try:
            answers.put(ask())
        except SendFailed as failed:
            answers.put(failed)

    Thread(target=run, name="resolve", daemon=True).start()
    try:
        found = answers.get(timeout=until.left())
    except Empty:
        raise TimeoutError from None
    if isinstance(found, SendFailed):
        raise found
    return found


def _first(host: str, addresses: list[str], port: int, until: Deadline) -> socket.socket:
    problem = "no address"
    for address in addresses:
        try:
            wire = socket.create_connection((address, port), timeout=min(CONNECT, until.left()))
        except OSError as error:
            problem = type(error).__name__
        else:
            wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # a body need not wait for what it acknowledges
            return wire
    raise SendFailed(f"{host}:{port} cannot be reached ({problem})")


def _secured(raw: socket.socket, host: str, tls: ssl.SSLContext, until: Deadline) -> socket.socket:
    try:
        raw.settimeout(until.left())  # CPython, _ssl.c: for the handshake as a whole
        return tls.wrap_socket(raw, server_hostname=host)
    except OSError as error:
        raw.close()
        problem = getattr(error, "verify_message", "") or type(error).__name__
        raise SendFailed(f"TLS with {host} failed ({problem})") from None
