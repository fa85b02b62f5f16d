"""Time zones as spans of constant offset, probed once from zoneinfo and then bisected.

All instants and wall clock readings here are whole seconds; a wall clock reading is counted as if the zone were UTC.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from msgspec import Struct

from heartbeat.errors import BadSchedule

DAY = 86_400
# Spans are found chunk by chunk. Since 1970 no zone has kept an offset for less than a week.
_CHUNK = 400 * DAY
_PROBE = 7 * DAY
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class OffsetSpan(NamedTuple):
    """Instants start <= t < end, during which the clock is `offset` ahead of UTC; and the offsets before and after."""

    start: int
    end: int
    offset: int
    before: int
    after: int

    @property
    def gap(self) -> int:
        """How many seconds the clock jumps over as the span ends; negative when it goes back."""
        return self.after - self.offset


class Zone(Struct, eq=False):
    """One zone's table of spans, filled on demand."""

    name: str
    tz: tzinfo
    _chunks: dict[int, tuple[list[int], list[OffsetSpan]]]
    _last: OffsetSpan

    def span(self, instant: int) -> OffsetSpan:
        """The span that contains the instant."""
        last = self._last
        if last[0] <= instant < last[1]:
            return last
        starts, spans = self._chunks.get(instant // _CHUNK) or self._probe(instant // _CHUNK)
        self._last = found = spans[bisect_right(starts, instant) - 1]
        return found

    def _probe(self, number: int) -> tuple[list[int], list[OffsetSpan]]:
        # A week early, so that no chunk begins within an hour that occurs twice.
        begin, end = number * _CHUNK - _PROBE, (number + 1) * _CHUNK
        starts = [begin]
        for probe in range(begin, end, _PROBE):
            upto = min(probe + _PROBE, end - 1)
            if self._offset(probe) != self._offset(upto):
                starts.append(self._change(probe, upto))
        edges = [*starts, end]
        spans = [
            OffsetSpan(start, stop, self._offset(start), self._offset(start - 1), self._offset(stop))
            for start, stop in pairwise(edges)
        ]
        self._chunks[number] = found = starts, spans
        return found

    def _change(self, low: int, high: int) -> int:
        """The first instant after `low` with a different offset."""
        offset = self._offset(low)
        while high - low > 1:  # halving a week takes at most 20 turns
            middle = (low + high) // 2
            low, high = (middle, high) if self._offset(middle) == offset else (low, middle)
        return high

    def _offset(self, instant: int) -> int:
        aware = (_EPOCH + timedelta(seconds=instant)).astimezone(self.tz)
        return int((aware.utcoffset() or timedelta()).total_seconds())


_HOSTS = {"localtime", "posixrules", "factory"}
_COPIES = ("posix/", "right/")
_OFFSET = re.compile(r"(?:utc|gmt|etc/gmt|etc/utc)?([+-])0?([0-9]{1,2})(?::?([0-9]{2}))?")
_FURTHEST = {"+": 14, "-": 12}
_NAME = re.compile(r"[A-Za-z][-+\w]{0,31}(?:/[-+\w]{1,31}){0,2}", re.ASCII)


def is_zone(name: str) -> bool:
    """Whether `zone` would find it, without searching for similar names."""
    if not _NAME.fullmatch(name) or _is_a_hosts(name):
        return False
    try:
        return name == "UTC" or ZoneInfo(name) is not None
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False


@lru_cache(maxsize=1024)
def zone(name: str) -> Zone:
    """The zone of an IANA name; raises BadSchedule with the nearest names when there is none."""
    if _is_a_hosts(name):
        problem = "means another clock on another machine"
        raise BadSchedule(field="timezone", text=name, problem=problem, remedy=_of_a_copy(name))
    try:
        tz: tzinfo = UTC if name == "UTC" else ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise BadSchedule(field="timezone", text=name, problem="is not a time zone", remedy=_remedy(name)) from None
    return Zone(name, tz, {}, OffsetSpan(0, 0, 0, 0, 0))


def _is_a_hosts(name: str) -> bool:
    """Whether a name stands for what this machine is set to, or only some machines have it."""
    return name.casefold() in _HOSTS or name.casefold().startswith(_COPIES)


def _of_a_copy(name: str) -> str:
    plain = name.partition("/")[2]
    return f"write {plain}" if is_zone(plain) else "write an IANA name such as Asia/Tokyo or UTC"


def _of_an_offset(form: re.Match[str]) -> str:
    """What an offset such as GMT+9 may have meant: POSIX, and so Etc/GMT-9, counts the other way round."""
    ahead, hours, minutes = form[1], int(form[2]), int(form[3] or 0)
    if minutes or not 0 < hours <= _FURTHEST[ahead]:
        return "write the name of a place, such as Asia/Kolkata or Asia/Tokyo, or UTC"
    side = "ahead of" if ahead == "+" else "behind"
    turned = "-" if ahead == "+" else "+"
    told = f"for {hours} {'hour' if hours == 1 else 'hours'} {side} UTC write Etc/GMT{turned}{hours}"
    return f"{told} (its sign is turned round), or better the name of a place, such as Asia/Tokyo"


def _remedy(name: str) -> str:
    import difflib  # noqa: PLC0415 - for mistakes alone

    if offset := _OFFSET.fullmatch(name.strip().casefold().replace(" ", "")):
        return _of_an_offset(offset)
    known = available_timezones()
    if not known:  # a slim container image: neither /usr/share/zoneinfo nor the tzdata package
        return "this machine has no time zone data at all: install the tzdata package"
    folded = {each.casefold(): each for each in sorted(known)}
    wanted = name.strip().casefold().replace(" ", "_")
    same_city = [each for key, each in folded.items() if wanted and wanted == key.rpartition("/")[2]]
    near = same_city or [folded[key] for key in difflib.get_close_matches(wanted, folded, n=2, cutoff=0.8)]
    return f"did you mean {' or '.join(near)}?" if near else "use an IANA name such as Asia/Tokyo or UTC"
