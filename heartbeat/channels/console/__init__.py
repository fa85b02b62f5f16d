"""Prints alerts: its settings, and how it is made."""

from __future__ import annotations

from typing import TYPE_CHECKING

from heartbeat.channels.kind import GROUP_ABOVE, ChannelKind

if TYPE_CHECKING:
    from heartbeat.channels.kind import Settings
    from heartbeat.channels.protocol import Channel


def _make(name: str, settings: Settings) -> Channel:
    from heartbeat.channels.console.terminal import Console  # noqa: PLC0415  (like the others)

    return Console(name, **settings)


KIND = ChannelKind(make=_make, description="Prints to standard output.", keys={"group_above": GROUP_ABOVE})
