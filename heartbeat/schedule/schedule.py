"""The Schedule: a union of rules, asked for the slots around an instant."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from heartbeat.errors import CallerError
from heartbeat.schedule.rule import Interval

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import tzinfo

    from heartbeat.schedule.rule import Rule

Window = tuple[int | None, int | None]
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MS = timedelta(milliseconds=1)
_NEVER = 1 << 62
_UNKNOWN = -1
NEXT_KEPT = 64
"""How many answers of `next_ms` each schedule keeps."""
_NO_WINDOW: tuple[int, int, Window] = (0, 0, (None, None))


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """When a job should run. Made by `parse`; equal if text, zone and dialect are.

    Methods named `*_ms` use milliseconds since the epoch, the others aware datetimes. For `every ...`
    (`interval_ms` is set) the argument is the last heartbeat, from which the slots are counted.
    """

    texts: tuple[str, ...]
    timezone: str
    dialect: str | None
    rules: tuple[Rule, ...] = field(compare=False, repr=False)
    tz: tzinfo = field(compare=False, repr=False)
    interval_ms: int | None = field(init=False, compare=False, repr=False)
    """The interval of `every ...` and `rate(...)`; None for a calendar."""
    _next_ms: Callable[[int], int | None] = field(init=False, compare=False, repr=False)
    _memo: list[tuple[int, int, Window]] = field(
        default_factory=lambda: [_NO_WINDOW], init=False, compare=False, repr=False
    )
    _next: dict[int, int | None] = field(default_factory=dict, init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        rule = self.rules[0]
        object.__setattr__(self, "interval_ms", rule.ms if isinstance(rule, Interval) else None)
        object.__setattr__(self, "_next_ms", rule.next_ms if len(self.rules) == 1 else self._earliest)

    def next_ms(self, after: int) -> int | None:
        """The first slot strictly after. Recent answers are kept: many jobs ask from the same slot."""
        known = self._next.get(after, _UNKNOWN)
        if known != _UNKNOWN:
            return known
        found = self._next_ms(after)
        if self.interval_ms is None:
            if len(self._next) >= NEXT_KEPT:
                self._next.clear()
            self._next[after] = found
        return found

    def _earliest(self, after: int) -> int | None:
        slots = (rule.next_ms(after) for rule in self.rules)
        return min((slot for slot in slots if slot is not None), default=None)

    def previous_ms(self, before: int) -> int | None:
        """The last slot strictly before."""
        if len(self.rules) == 1:
            return self.rules[0].previous_ms(before)
        slots = (rule.previous_ms(before) for rule in self.rules)
        return max((slot for slot in slots if slot is not None), default=None)

    def window_ms(self, t: int) -> Window:
        """The latest slot at or before t, and the earliest after it. The last answer is kept.

        For `every ...`, t is the heartbeat that begins the window: (t, t + interval).
        """
        low, high, window = self._memo[0]
        if low <= t < high:
            return window
        if self.interval_ms is not None:
            return t, t + self.interval_ms
        start, end = window = self.previous_ms(t + 1), self.next_ms(t)
        self._memo[0] = (-_NEVER if start is None else start, _NEVER if end is None else end, window)
        return window

    def next(self, after: datetime) -> datetime | None:
        """The first slot strictly after."""
        slot = self._next_ms(_since(after) // _MS)  # not kept: a walk asks for every slot once
        return None if slot is None else self._at(slot)

    def previous(self, before: datetime) -> datetime | None:
        """The last slot strictly before."""
        slot = self.previous_ms(-(-_since(before) // _MS))
        return None if slot is None else self._at(slot)

    def between(self, start: datetime, end: datetime) -> Iterator[datetime]:
        """The slots from `start` up to but not including `end`, one by one; for `every ...`, counted from `start`."""
        slot, stop = -(-_since(start) // _MS), -(-_since(end) // _MS)
        found = self._next_ms(slot if self.interval_ms else slot - 1)
        while found is not None and found < stop:  # ends: each slot is later than the one before
            yield self._at(found)
            found = self._next_ms(found)

    def describe(self) -> str:
        """The schedule in English words."""
        return "; and ".join(rule.describe() for rule in self.rules)

    def _at(self, slot: int) -> datetime:
        return datetime.fromtimestamp(slot / 1000, self.tz)


def _since(moment: datetime) -> timedelta:
    try:
        return moment - _EPOCH
    except TypeError:
        raise CallerError(f"{moment} has no time zone; give an aware datetime, for example with tzinfo=UTC") from None
