"""Schedules: the next slot when warm, and with parsing, beside cronsim and croniter. `python bench/schedule.py`."""

from __future__ import annotations

import statistics
import time
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from croniter import croniter
from cronsim import CronSim

from heartbeat.schedule import parse
from heartbeat.schedule.read import _parse

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROUNDS, CALLS = 7, 300
EXPRESSIONS = {
    "every 15 minutes, UTC": ("*/15 * * * *", "UTC"),
    "02:30 daily, Berlin": ("30 2 * * *", "Europe/Berlin"),
    "09:00 on weekdays, Tokyo": ("0 9 * * 1-5", "Asia/Tokyo"),
    "last day of the month, New York": ("15 10 L * *", "America/New_York"),
}
START = datetime(2026, 11, 22, 9, 3, 7, tzinfo=UTC)
Row = dict[str, str | float | None]


def run() -> list[Row]:
    """One row for each figure: name, unit, and what ours and theirs take (None: they have no such thing)."""
    rows: list[Row] = []
    for name, (text, zone) in EXPRESSIONS.items():
        start = START.astimezone(ZoneInfo(zone))
        rows += [_warm(name, text, zone, start), _with_parsing(name, text, zone, start), *_only_ours(name, text, zone)]
    return rows


def _warm(name: str, text: str, zone: str, start: datetime) -> Row:
    """One call after the other, each from the slot before."""
    return _row(
        f"next, warm: {name}",
        _chain(parse(text, zone).next, start),
        CronSim(text, start).__next__,
        partial(croniter(text, start).get_next, datetime),
    )


def _with_parsing(name: str, text: str, zone: str, start: datetime) -> Row:
    """From the text each time; ours past its cache of schedules."""
    return _row(
        f"parse + next: {name}",
        lambda: _parse.__wrapped__(text, zone, None).next(start),
        lambda: next(CronSim(text, start)),
        lambda: croniter(text, start).get_next(datetime),
    )


def _only_ours(name: str, text: str, zone: str) -> list[Row]:
    """The primitives of the ping path, in milliseconds since the epoch."""
    schedule, instant = parse(text, zone), int(START.timestamp() * 1000)
    return [
        _row(f"next_ms, warm: {name}", _chain(schedule.next_ms, instant)),
        _row(f"previous_ms, warm: {name}", lambda: schedule.previous_ms(instant)),
        _row(f"window_ms, same window: {name}", lambda: schedule.window_ms(instant)),
        _row(f"parse, uncached: {name}", lambda: _parse.__wrapped__(text, zone, None)),
        _row(f"parse, cached: {name}", lambda: parse(text, zone)),
    ]


def _chain(step: Callable[..., object], start: object) -> Callable[[], object]:
    """Each slot from the one before, over the same stretch in every round; stepped as the others' iterators are."""

    def walk() -> Iterator[object]:
        while True:
            at = start
            for _ in range(CALLS):
                at = step(at)
                yield at

    return walk().__next__


def _row(
    name: str,
    ours: Callable[[], object],
    cronsim: Callable[[], object] | None = None,
    iters: Callable[[], object] | None = None,
) -> Row:
    """Medians of several rounds, taken turn by turn so that a busy moment hits all alike."""
    contenders = {"ours": ours, "cronsim": cronsim, "croniter": iters}
    taken: dict[str, list[float]] = {who: [] for who in contenders}
    for _ in range(ROUNDS):
        for who, call in contenders.items():
            if call:
                taken[who].append(_microseconds(call))
    return {"name": name, "unit": "µs"} | {
        who: statistics.median(each) if each else None for who, each in taken.items()
    }


def _microseconds(call: Callable[[], object]) -> float:
    begin = time.perf_counter()
    for _ in range(CALLS):
        call()
    return (time.perf_counter() - begin) / CALLS * 1e6


def main() -> None:
    """A table, one figure a line."""
    print(f"{'µs, median of ' + str(ROUNDS):<52}{'ours':>9}{'cronsim':>9}{'croniter':>9}")
    for row in run():
        figures = "".join(f"{row[who]:9.2f}" if row[who] else f"{'-':>9}" for who in ("ours", "cronsim", "croniter"))
        print(f"{row['name']:<52}{figures}")


if __name__ == "__main__":
    main()
