"""What a sweep costs: it must grow with what is due, not with how many jobs there are. `python bench/sweep.py`.

One whole durable tick each: read the due rows, judge, commit, keep the book. "on time": the jobs have run, their
rows are pushed on; "missed": every one of them goes down and is told.
"""

from __future__ import annotations

import sqlite3
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from heartbeat.doors.fronts import settle_in
from heartbeat.model import HOUR, MINUTE, SECOND, Job, State, Status
from heartbeat.store import rows
from heartbeat.store.sqlite import SQLiteStore
from heartbeat.sweep import sweep

SLOT = 1_763_769_600_000  # 2025-11-22T00:00:00Z
SIZES = (1_000, 10_000, 100_000, 1_000_000)
DUES = (0, 100, 1_000)
ROUNDS = 5
KINDS = ("on time", "missed")
GRACE = 10 * MINUTE


def run(sizes: tuple[int, ...] = SIZES) -> list[dict[str, object]]:
    """One row for each number of jobs, number due, and what became of them; milliseconds, medians of five ticks."""
    settle_in()  # as `serve` does
    found = []
    for jobs in sizes:
        with tempfile.TemporaryDirectory() as folder:
            groups = Groups(jobs)
            store = filled(Path(folder) / "bench.db", jobs, groups)
            sweep(store, SLOT + GRACE)
            found += [
                measured(store, jobs, due, kind, groups) for kind in KINDS for due in DUES if due or kind == KINDS[0]
            ]
            store.close()
    return found


class Groups:
    """Which jobs are due in which tick: each tick has its own second and its own jobs, as far as there are any."""

    def __init__(self, jobs: int) -> None:
        self.ticks: dict[tuple[str, int, int], tuple[int, range]] = {}
        self.of: dict[int, tuple[int, str]] = {}
        first, second = 0, 0
        for kind in KINDS:
            for due in DUES:
                for number in range(ROUNDS if jobs > ROUNDS * 2_200 else 1 if due < jobs else 0):
                    second += 1
                    at = SLOT + GRACE + second * SECOND
                    self.ticks[kind, due, number] = at, range(first, first + due)
                    self.of |= dict.fromkeys(
                        (n * (jobs // 11_000 or 1) % jobs for n in range(first, first + due)), (at, kind)
                    )
                    first += due


def measured(store: SQLiteStore, jobs: int, due: int, kind: str, groups: Groups) -> dict[str, object]:
    """The median tick of one kind."""
    times = []
    for number in range(ROUNDS):
        if (kind, due, number) not in groups.ticks:
            break
        at, _ = groups.ticks[kind, due, number]
        start = time.perf_counter()
        swept = sweep(store, at)
        times.append((time.perf_counter() - start) * 1000)
        assert swept.judged == due, (swept, due)  # noqa: S101 - a benchmark of another sweep would measure nothing
        assert swept.told == (due if kind == "missed" else 0), swept  # noqa: S101 - the same
    return {"name": "sweep", "jobs": jobs, "due": due, "kind": kind, "ms": round(median(times), 2) if times else None}


def filled(path: Path, jobs: int, groups: Groups) -> SQLiteStore:
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
    return SQLiteStore(path)


def row(number: int, groups: Groups) -> tuple[object, ...]:
    """One job: it met its slot, unless its group is to miss it."""
    at, kind = groups.of.get(number, (SLOT + 2 * HOUR, "on time"))
    slug = f"job-{number:07}"
    job = Job(slug=slug, schedule=("0 * * * *",), timezone="Asia/Tokyo", grace=GRACE, notify=("ops",))
    cursor = SLOT if kind == "on time" else SLOT - HOUR
    recent = tuple(cursor - n * HOUR + MINUTE for n in reversed(range(5)))
    state = State(version=1, born=SLOT - 24 * HOUR, cursor=cursor, status=Status.UP, recent=recent, signals=9)
    return slug, f"{number:036}", at, rows.dump(state), rows.dump(job)


if __name__ == "__main__":
    for line in run(tuple(int(size) for size in sys.argv[1:]) or SIZES):
        sys.stdout.write(f"{line['jobs']:>9,} jobs  {line['due']:>5,} due  {line['kind']:>8}  {line['ms']} ms\n")
