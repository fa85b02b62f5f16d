"""What `deliver` needs of a channel."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from heartbeat.model import Alert

GROUP_ABOVE = 5
"""With more waiting alerts than this, one message tells them all, unless the channel says otherwise."""


class Channel(Protocol):
    """Somewhere to tell people.

    group_above: more waiting alerts than this become one message (0: never); pace: milliseconds from one send to the
    next; parallel: how many sends may run at once; definition: a name for its settings, which changes when they do.
    """

    name: str
    group_above: int
    pace: int = 0
    parallel: int = 1
    definition: str = ""

    def send(self, alerts: Sequence[Alert], *, key: str, now: int, receipt: str) -> str:
        """Tell these alerts in one message (several: as a list), within about ten seconds a request.

        key: the same for every attempt at this message; receipt: what this channel answered when it reported that the
        incident opened, "" when it did not. Returns the receipt to keep, "" if there is nothing to keep.
        Raises `ChannelFailed`.
        """
