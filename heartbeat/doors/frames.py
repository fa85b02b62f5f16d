"""What front and core say to each other: pings one way, replies and reports of health the other, in frames.

Both are processes of one program, started one by the other, on a socket that nobody else can reach: hence pickle.
"""

from __future__ import annotations

import pickle
import socket
import struct
from dataclasses import fields
from enum import StrEnum
from operator import attrgetter
from typing import Any

from heartbeat.ingest.ping import Ping
from heartbeat.model import Signal, builder

Reply = tuple["Outcome", str]
"""What became of a ping; for an unknown one the name that is most like its own, "" when none is."""

_LENGTH = struct.Struct("!I")
_facts = attrgetter(*(field.name for field in fields(Signal)))
_signal, _ping = builder(Signal), builder(Ping)


class Outcome(StrEnum):
    """What became of a ping."""

    STORED = "stored"
    CREATED = "created"
    UNKNOWN = "unknown"
    BUSY = "busy"
    BROKEN = "broken"


def pack(ping: Ping) -> tuple[object, ...]:
    """A ping as a plain row: a third of the work, at the other end, that its nouns would be."""
    return ping.uuid, ping.create, *_facts(ping.signal)


def unpack(row: tuple[Any, ...]) -> Ping:
    """The ping that was packed."""
    uuid, create, *facts = row
    ping: Ping = _ping(_signal(*facts), uuid, create)
    return ping


def frame(value: object) -> bytes:
    """A value as it travels."""
    text = pickle.dumps(value, pickle.HIGHEST_PROTOCOL)
    return _LENGTH.pack(len(text)) + text


def first(link: socket.socket) -> Any:  # noqa: ANN401 - any value may come first
    """Wait for the first value, and take no byte beyond it."""
    length = _LENGTH.unpack(link.recv(_LENGTH.size, socket.MSG_WAITALL))[0]
    return pickle.loads(link.recv(length, socket.MSG_WAITALL))  # noqa: S301 - see above


class Frames:
    """Cuts what arrives into the values that were sent."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> list[Any]:
        """The values that are whole now."""
        data, start, values = self._rest + data, 0, []
        while len(data) - start >= _LENGTH.size:
            end = start + _LENGTH.size + _LENGTH.unpack_from(data, start)[0]
            if end > len(data):
                break
            values.append(pickle.loads(memoryview(data)[start + _LENGTH.size : end]))  # noqa: S301 - see above
            start = end
        self._rest = data[start:]
        return values
