"""Channels made as well as can be, on first use and anew from time to time: secrets change while a process lives."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from heartbeat.channels.build import build
from heartbeat.channels.protocol import Channel
from heartbeat.errors import BadSetting, ChannelFailed
from heartbeat.model import MINUTE
from heartbeat.telemetry import Happened

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from heartbeat.model import Alert
    from heartbeat.telemetry import Log

KEPT = 5 * MINUTE
"""How long a channel, with its secret, is used before it is made anew."""


def made(
    name: str, settings: Mapping[str, Any], tell: Callable[[BadSetting], object], before: Channel | None = None
) -> Channel:
    """The channel. If it cannot be made, `tell` hears why, and it stays as it was before, or its messages wait."""
    try:
        return build(name, settings)
    except BadSetting as problem:
        tell(problem)
        return Broken(name, str(problem)) if before is None else before


class Mailboxes(Mapping[str, Channel]):
    """A configuration's channels, by name. A broken one keeps its messages waiting but delays no other."""

    def __init__(self, declared: Mapping[str, Mapping[str, Any]], log: Log, now: Callable[[], int]) -> None:
        self._declared, self._log, self._now = declared, log, now
        self._made: dict[str, tuple[int, Channel]] = {}

    def __getitem__(self, name: str) -> Channel:
        """The channel with this name; raises KeyError if none is declared."""
        until, channel = self._made.get(name, (0, None))
        if channel is None or self._now() >= until:
            channel = made(name, self._declared[name], self._tell)
            self._made[name] = (self._now() + KEPT, channel)
        return channel

    def _tell(self, problem: BadSetting) -> None:
        self._log.tell(Happened.CHANNEL_BROKEN, says=problem)

    def __contains__(self, name: object) -> bool:
        return name in self._declared

    def __iter__(self) -> Iterator[str]:
        return iter(self._declared)

    def __len__(self) -> int:
        return len(self._declared)


class Broken(Channel):
    """A channel that cannot be used for now; its messages are retried like any that were not taken."""

    group_above = 0

    def __init__(self, name: str, problem: str) -> None:
        self.name, self._problem = name, problem

    def send(self, alerts: Sequence[Alert], *, key: str, now: int, receipt: str) -> str:
        """See `Channel`."""
        del alerts, key, now, receipt
        raise ChannelFailed(self._problem)
