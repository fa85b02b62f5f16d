"""How fast the SQLite store is: durable commits a second, and what is due among many jobs. `python -m bench.store`."""

from __future__ import annotations

import json
import random
import sqlite3
import tempfile
import time
from pathlib import Path
from statistics import median, quantiles

from heartbeat.model import HOUR, MINUTE, Change, Commit, Entry, Job, Kind, Mark, Reason, Signal, State, Status, Verdict
from heartbeat.store import rows
from heartbeat.store.sqlite.commit import state_text
from heartbeat.store.sqlite.store import SQLiteStore

BORN = 1_763_769_600_000  # 2025-11-22T00:00:00Z
SECONDS = 2.0
DUE = 1_000


def run() -> list[dict[str, object]]:
    """All measurements, one dictionary each."""
    found = [commits(jobs, batch) for jobs in (10_000, 200_000) for batch in (64, 1)]
    return found + [due(jobs) for jobs in (10_000, 1_000_000)]


def commits(jobs: int, batch: int) -> dict[str, object]:
    """On-time pings of random jobs, each batch one durable transaction, its states and log rows written anew."""
    with tempfile.TemporaryDirectory() as folder:
        store = filled(Path(folder) / "bench.db", jobs)
        dice, versions, times = random.Random(1), dict.fromkeys(range(jobs), 1), []
        end = time.perf_counter() + SECONDS
        while time.perf_counter() < end:
            changes = [ping(number, versions) for number in dice.sample(range(jobs), batch)]
            start = time.perf_counter()
            answers = store.commit(changes)
            times.append(time.perf_counter() - start)
            assert set(answers) == {Commit.STORED}  # noqa: S101 - a benchmark of refused commits would measure nothing
        store.close()
    rate = round(batch * len(times) / sum(times))
    p99 = round(quantiles(times, n=100)[98] * 1000, 2)
    return {"what": "commit", "jobs": jobs, "batch": batch, "changes_per_s": rate, "p99_ms": p99}


def due(jobs: int) -> dict[str, object]:
    """Ask for 1,000 due jobs among many, and load them: the reading half of a sweep."""
    with tempfile.TemporaryDirectory() as folder:
        store = filled(Path(folder) / "bench.db", jobs)
        times = []
        for _ in range(7):
            start = time.perf_counter()
            found = store.load(store.due(Mark(at=BORN), BORN + HOUR, DUE).slugs)
            times.append((time.perf_counter() - start) * 1000)
            assert len(found) == DUE  # noqa: S101 - a benchmark of nothing found would measure nothing
        store.close()
    return {"what": "due+load", "jobs": jobs, "due": DUE, "first_ms": round(times[0], 1), "ms": round(median(times), 1)}


def filled(path: Path, jobs: int) -> SQLiteStore:
    """A store of so many jobs, 1,000 of them due within the first hour; written past the store, which is slower."""
    SQLiteStore(path).close()
    db = sqlite3.connect(path, isolation_level=None)
    db.execute("BEGIN")
    places = set(random.Random(2).sample(range(jobs), DUE))
    db.executemany(
        "INSERT INTO jobs (slug, uuid, version, due, state, definition) VALUES (?, ?, 1, ?, ?, ?)",
        ((slug(n), f"{n:036}", BORN + (n % HOUR if n in places else 2 * HOUR), *texts(n)) for n in range(jobs)),
    )
    db.execute("COMMIT")
    db.close()
    return SQLiteStore(path)


def texts(number: int) -> tuple[str, str]:
    job = Job(slug=slug(number), schedule=("*/5 * * * *",), timezone="Asia/Tokyo", notify=("ops",), description="bench")
    return state_text(state(1)), rows.dump(job)


def slug(number: int) -> str:
    return f"job-{number:07}"


def state(version: int) -> State:
    at = BORN + version * 5 * MINUTE
    recent = tuple(at - n * 5 * MINUTE for n in range(5))
    return State(
        version=version, born=BORN, cursor=at, status=Status.UP, last_signal=at, signals=version, recent=recent,
        seen=(f"{version:08x}",),
    )  # fmt: skip


def ping(number: int, versions: dict[int, int]) -> Change:
    """The change that an on-time success makes."""
    expected = versions[number]
    versions[number] = expected + 1
    at, name = BORN + expected * 5 * MINUTE, slug(number)
    signal = Signal(slug=name, kind=Kind.SUCCESS, at=at, received=at, id=f"{expected:08x}")
    entry = Entry(
        slug=name, n=expected + 1, slot=at, at=at, verdict=Verdict.ON_TIME, reason=Reason.IN_TIME, signal=signal
    )
    return Change(slug=name, expected=expected, state=state(expected + 1), entries=(entry,))


if __name__ == "__main__":
    for line in run():
        print(json.dumps(line))
