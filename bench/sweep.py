"""What a sweep costs: it must grow with what is due, not with how many jobs there are. `python bench/sweep.py`.

One whole durable tick each: read the due rows, judge, commit, keep the book. "on time": the jobs have run, their
rows are pushed on; "missed": every one of them goes down and is told.
"""

from __future__ import annotations

import os
import sqlite3
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, NamedTuple

from heartbeat.doors.server.core_process import settle_in
from heartbeat.model import HOUR, MINUTE, SECOND, Job, State, Status
from heartbeat.store import rows
from heartbeat.store.sqlite.commit import state_text
from heartbeat.store.sqlite.store import SQLiteStore
from heartbeat.verbs.sweep import sweep

if TYPE_CHECKING:
    from collections.abc import Iterator

SLOT = 1_763_769_600_000  # 2025-11-22T00:00:00Z
SIZES = (1_000, 10_000, 100_000, 1_000_000)
DUES = (0, 100, 1_000)
YARDSTICK = 10_000
ROUNDS = 9  # so many that those of one kind still fit among 10,000 jobs, none due twice
STRIDE = 7_919  # strews the due over the table: jobs due together were not declared together; prime, so it visits all
KINDS = ("on time", "missed")
GRACE = 10 * MINUTE


def run(sizes: tuple[int, ...] = SIZES) -> list[dict[str, object]]:
    """One row for each number of jobs, number due, and what became of them; milliseconds, medians of nine ticks.

    The sizes take turns, tick by tick, for the machine's pace changes while we measure. "times": the median of what
    each tick took, divided by what the same tick took among YARDSTICK jobs, which are always measured too.
    """
    settle_in()  # as `serve` does
    sizes = tuple(sorted({*sizes, YARDSTICK}))
    times: dict[tuple[int, Tick], list[float]] = defaultdict(list)
    for side_by_side in zip(*map(measured, sizes), strict=True):
        for jobs, (tick, taken) in zip(sizes, side_by_side, strict=True):
            times[jobs, tick].append(taken)
    return [compared(jobs, tick, times[jobs, tick], times[YARDSTICK, tick]) for jobs in sizes for tick in TICKS]


def compared(jobs: int, tick: Tick, ours: list[float], theirs: list[float]) -> dict[str, object]:
    """One row of the result."""
    ratio = median(our / their for our, their in zip(ours, theirs, strict=True))
    return {"name": "sweep", "jobs": jobs, **tick._asdict(), "ms": round(median(ours), 2), "times": round(ratio, 2)}


class Tick(NamedTuple):
    """One sweep: how many of the jobs are due in it, and what has become of them."""

    kind: str
    due: int


TICKS = [Tick(kind, due) for kind in KINDS for due in DUES if due or kind == KINDS[0]]


def stores(jobs: int) -> list[list[Tick]]:
    """The ticks of each store: a kind's in one, when there are jobs enough that none is due twice, else one in each.

    Sizes that are compared thus go through the same ticks, from the same first state of the file.
    """
    ticks = [[tick for tick in TICKS if tick.kind == kind for _ in range(ROUNDS)] for kind in KINDS]
    return [part for kind in ticks for part in ([kind] if sum(t.due for t in kind) <= jobs else [[t] for t in kind])]


def measured(jobs: int) -> Iterator[tuple[Tick, float]]:
    """Every tick among so many jobs, and the milliseconds that it took."""
    for ticks in stores(jobs):
        yield from measured_in_one(jobs, ticks)


def measured_in_one(jobs: int, ticks: list[Tick]) -> Iterator[tuple[Tick, float]]:
    """The same for the ticks of one store."""
    groups: dict[int, tuple[int, str]] = {}
    for second, tick in enumerate(ticks, 1):
        first = len(groups)
        strewn = (n * STRIDE % jobs for n in range(first, first + tick.due))
        groups |= dict.fromkeys(strewn, (SLOT + GRACE + second * SECOND, tick.kind))
    with tempfile.TemporaryDirectory() as folder:
        store = filled(Path(folder) / "bench.db", jobs, groups)
        sweep(store, SLOT + GRACE)
        for second, tick in enumerate(ticks, 1):
            start = time.perf_counter()
            swept = sweep(store, SLOT + GRACE + second * SECOND)
            yield tick, (time.perf_counter() - start) * 1000
            assert swept.judged == tick.due, (swept, tick)  # noqa: S101 - another sweep would measure nothing
            assert swept.told == (tick.due if tick.kind == "missed" else 0), swept  # noqa: S101 - the same
        store.close()


def filled(path: Path, jobs: int, groups: dict[int, tuple[int, str]]) -> SQLiteStore:
    """A store of so many hourly jobs, written past the store, which is slower."""
    SQLiteStore(path).close()
    db = sqlite3.connect(path, isolation_level=None)
    db.execute("BEGIN")
    db.executemany(
        "INSERT INTO jobs (slug, uuid, version, due, state, definition) VALUES (?, ?, 1, ?, ?, ?)",
        (row(number, groups) for number in range(jobs)),
    )
    db.execute("COMMIT")
    db.close()
    os.sync()  # or the ticks wait for the disk to take in what was filled
    store, after = SQLiteStore(path), ""
    while page := store.page(after, 1_000):  # its caches are as full as those of a service that runs
        after = page[-1].job.slug
    return store


def row(number: int, groups: dict[int, tuple[int, str]]) -> tuple[object, ...]:
    """One job: it met its slot, unless its group is to miss it."""
    at, kind = groups.get(number, (SLOT + 2 * HOUR, "on time"))
    slug = f"job-{number:07}"
    job = Job(slug=slug, schedule=("0 * * * *",), timezone="Asia/Tokyo", grace=GRACE, notify=("ops",))
    cursor = SLOT if kind == "on time" else SLOT - HOUR
    recent = tuple(cursor - n * HOUR + MINUTE for n in reversed(range(5)))
    state = State(version=1, born=SLOT - 24 * HOUR, cursor=cursor, status=Status.UP, recent=recent, signals=9)
    return slug, f"{number:036}", at, state_text(state), rows.dump(job)


if __name__ == "__main__":
    for line in run(tuple(int(size) for size in sys.argv[1:]) or SIZES):
        tick = f"{line['jobs']:>9,} jobs  {line['due']:>5,} due  {line['kind']:>8}"
        sys.stdout.write(f"{tick}  {line['ms']:>6} ms  {line['times']} x\n")
