"""Alerts -> deliveries: who is told. Pure; the deliveries are committed together with what they tell."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from msgspec.structs import replace

from heartbeat.model import Alert, Change, Delivery, Silence

if TYPE_CHECKING:
    from collections.abc import Iterable

    from heartbeat.model import Snapshot


def address(change: Change, channels: Iterable[str], now: int) -> Change:
    """The change with one delivery for each of its alerts and each of these channels."""
    if not change.alerts:
        return change
    deliveries = tuple(delivery(alert, channel, now) for alert in change.alerts for channel in channels)
    return replace(change, deliveries=change.deliveries + deliveries)


def delivery(alert: Alert, channel: str, now: int) -> Delivery:
    """One alert to one channel, to be tried at once."""
    return Delivery(id=f"{alert.id}@{channel}", channel=channel, alert=alert, created_at=now, next_at=now)


def quiet_until(snapshot: Snapshot, silences: Iterable[Silence], now: int) -> int | None:
    """Until when people are not told about this job: the last end of the silences that hold now, or None."""
    return max((s.end for s in silences if s.start <= now < s.end and matches(s, snapshot)), default=None)


def matches(silence: Silence, snapshot: Snapshot) -> bool:
    """Whether the silence's selector names this job: by slug with * and ?, or by "tag:NAME".

    A silence of a single job was meant for the job that had the name then, not for another that has it now.
    """
    job = snapshot.job
    kind, _, tag = silence.selector.partition(":")
    if kind == "tag" and tag:
        return tag in job.tags
    if silence.selector == job.slug:
        return silence.start >= snapshot.state.deaf_before
    return fnmatchcase(job.slug, silence.selector)
