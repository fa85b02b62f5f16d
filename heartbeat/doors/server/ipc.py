"""What front and core say to each other, in frames: settings and replies one way, pings the other.

They are processes of one program, one started by the other, on a socket that nobody else can reach.
"""

from __future__ import annotations

import socket
import struct
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

from msgspec import MsgspecError, Raw, msgpack

from heartbeat.doors.http.ping_gate import Reply
from heartbeat.ingest.ping import Ping

if TYPE_CHECKING:
    from collections.abc import Callable

_LENGTH = struct.Struct("!I")
T = TypeVar("T")


ANSWERS: Callable[[memoryview], Any] = msgpack.Decoder(list[Reply] | dict[str, Any]).decode
"""Reads what the core says after its settings: replies in the order of the pings, or how it is."""
KEYS = "ping_keys"
"""What such a dict is told by: not how the core is, but which keys are in force."""
_many = msgpack.Decoder(list[Ping]).decode
_apart = msgpack.Decoder(list[Raw]).decode
_one = msgpack.Decoder(Ping).decode


def frame(value: object) -> bytes:
    """A value, encoded."""
    text = _encode(value)
    return _LENGTH.pack(len(text)) + text


def first(link: socket.socket, kind: type[T]) -> T:
    """Wait for the first value, of this kind, and read no byte beyond it."""
    length = _LENGTH.unpack(link.recv(_LENGTH.size, socket.MSG_WAITALL))[0]
    return msgpack.decode(link.recv(length, socket.MSG_WAITALL), type=kind, dec_hook=_built)


class Frames(Generic[T]):
    """Splits what arrives into the values that were sent. read: decodes a value."""

    def __init__(self, read: Callable[[memoryview], T]) -> None:
        self._read, self._rest = read, b""

    def feed(self, data: bytes) -> list[T]:
        """The values that are now complete."""
        data, start, values = self._rest + data, 0, []
        while len(data) - start >= _LENGTH.size:
            end = start + _LENGTH.size + _LENGTH.unpack_from(data, start)[0]
            if end > len(data):
                break
            values.append(self._read(memoryview(data)[start + _LENGTH.size : end]))
            start = end
        self._rest = data[start:]
        return values


def _pings(data: memoryview) -> list[Ping | None]:
    try:
        return cast("list[Ping | None]", _many(data))
    except MsgspecError:
        return [_read_one(each) for each in _apart(data)]


def _read_one(data: Raw) -> Ping | None:
    try:
        return _one(data)
    except MsgspecError:
        return None


PINGS = _pings
"""Reads what the front says; None in place of a broken ping, without harm to the others."""


def _built(kind: type[T], value: object) -> T:
    """A path in the settings, which was sent as text."""
    return kind(value)  # type: ignore[call-arg] # any kind may be asked for


_encode = msgpack.Encoder(enc_hook=str).encode
