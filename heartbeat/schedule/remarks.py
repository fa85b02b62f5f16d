"""What a change of the clock did to a slot, or to one before it, in words for a person reading a preview."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from heartbeat.schedule.rule import Zoned

if TYPE_CHECKING:
    from collections.abc import Iterator

    from heartbeat.schedule.schedule import Schedule
    from heartbeat.schedule.zones import OffsetSpan

_DAY = 86_400
_CHANGES = 1000  # more changes than any zone has had since 1970


def remarks(schedule: Schedule, slot_ms: int, previous_ms: int | None = None) -> str | None:
    """What is odd about this slot, or about readings skipped since the last slot shown; None for nothing.

    previous_ms: the last slot shown; None takes the schedule's previous one.
    """
    before = schedule.previous_ms(slot_ms) if previous_ms is None else previous_ms
    since = slot_ms // 1000 - _DAY if before is None else before // 1000
    found = [
        remark
        for rule in schedule.rules
        if isinstance(rule, Zoned)
        for remark in (*_gaps(rule, since, slot_ms // 1000), *_folds(rule, slot_ms // 1000))
    ]
    return "; ".join(dict.fromkeys(found)) or None


def _gaps(rule: Zoned, since: int, slot: int) -> Iterator[str]:
    """A sentence for each clock jump in since < jump <= slot that swallowed one of the rule's readings."""
    instant = since
    for _ in range(_CHANGES):
        span = rule.zone.span(instant)
        if span.end > slot:
            return
        missing = _missing(rule, span) if span.gap > 0 and span.end > since else []
        caught = span.gap <= rule.policy.catches_up
        if missing and (span.end == slot or not caught):
            yield _jump(span, missing, caught)
        instant = span.end


def _jump(span: OffsetSpan, missing: list[str], caught: bool) -> str:
    old, new = span.end + span.offset, _clock(span.end + span.after)
    several = len(missing) > 1
    what = f"{' to '.join(missing)} {'do' if several else 'does'} not exist"
    fate = f"{'run' if several else 'runs'} at {new}" if caught else f"{'are' if several else 'is'} skipped"
    return f"{datetime.fromtimestamp(old, UTC):%m-%d} the clock jumps {_clock(old)}→{new}: {what} and {fate}"


def _missing(rule: Zoned, span: OffsetSpan) -> list[str]:
    """The rule's readings that the clock skips as the span ends: the first, and the last if it differs."""
    low, high = span.end + span.offset, span.end + span.after
    first, last = rule.wall.at_or_after(low), rule.wall.at_or_before(high - 1)
    if first is None or last is None or not low <= first < high:
        return []
    return [_clock(first)] if first == last else [_clock(first), _clock(last)]


def _folds(rule: Zoned, slot: int) -> Iterator[str]:
    """A sentence if the slot's reading occurs twice."""
    span = rule.zone.span(slot)
    first, second = slot >= span.end + span.gap, slot < span.start + span.before - span.offset
    if not (first or second) or rule.previous_ms(slot * 1000 + 1) != slot * 1000:
        return
    twice = f"{_clock(slot + span.offset)} happens twice"
    if rule.policy.once:
        yield f"{twice}: only the first counts"
    else:
        yield f"{twice} and both count: this is the {'first' if first else 'second'}"


def _clock(reading: int) -> str:
    time = datetime.fromtimestamp(reading, UTC)
    return f"{time:%H:%M:%S}" if time.second else f"{time:%H:%M}"
