"""A file that changes thousands of jobs is applied in a few commits; a job with something due is judged first."""

import pytest

from heartbeat.config.reader import read
from heartbeat.model import HOUR, MINUTE, Kind, Signal, Status
from heartbeat.store.sqlite.store import SQLiteStore
from heartbeat.verbs.apply import BATCH, apply
from heartbeat.verbs.record import Recorder
from heartbeat.verbs.sweep import sweep

T0 = 1_795_305_600_000
"""2026-11-22T00:00:00Z"""
JOBS = 2 * BATCH + 9


class Counting(SQLiteStore):
    """A store that counts what it is asked for."""

    asked = 0

    def load(self, slugs):
        self.asked += 1
        return super().load(slugs)

    def commit(self, changes):
        self.asked += 1
        return super().commit(changes)


def file(jobs, minute):
    lines = "".join(f"  job-{n}: {{schedule: {minute} * * * *, grace: 10m}}\n" for n in range(jobs))
    head = "defaults: {timezone: UTC, notify: [o]}\nchannels: {o: {console: {}}}\n"
    return read(f"{head}jobs:\n{lines}" if lines else f"{head}jobs: {{}}\n")


@pytest.fixture
def store():
    made = Counting(":memory:")
    apply(made, file(JOBS, 30), T0)
    made.asked = 0
    return made


@pytest.mark.parametrize("after", [file(JOBS, 40), file(0, 40)], ids=["changed", "removed"])
def test_many_are_changed_or_removed_in_a_few_commits(store, after):
    apply(store, after, T0 + MINUTE)
    assert store.asked <= 8
    left = {job.job.schedule for job in store.page("", 2 * JOBS)}
    assert left == ({("40 * * * *",)} if after.jobs else set())


def test_one_that_has_something_due_is_judged_by_its_old_times_first(store):
    late = T0 + HOUR  # 00:30 and its grace are over, and nobody has looked
    Recorder(store).record([Signal(slug="job-7", kind=Kind.SUCCESS, at=T0 + 31 * MINUTE, received=T0 + 31 * MINUTE)])
    apply(store, file(9, 40), late)
    found = store.load(["job-7", "job-8"])
    assert {slug: found[slug].state.status for slug in found} == {"job-7": Status.UP, "job-8": Status.DOWN}
    assert [entry.slot for entry in store.history("job-8", 9) if entry.verdict] == [T0 + 30 * MINUTE]
    assert sweep(store, late).told == 0
