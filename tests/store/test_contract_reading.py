"""The contract of heartbeat.store.protocol, sentence by sentence, on every store: what is read."""

import pytest
from msgspec.structs import replace
from store_samples import T0, due, entry, job, new, ping, state, uuid

from heartbeat.model import DAY, HOUR, MINUTE, NEVER, Change, Commit, Snapshot

STORED, STALE = Commit.STORED, Commit.STALE


def fill(store, count, due=lambda n: T0 + n * MINUTE):
    """`count` jobs, in an order that is not their names'."""
    numbers = sorted(range(count), key=lambda n: (n * 7) % count)
    assert set(store.commit([new(f"job-{n:03}", n, due(n)) for n in numbers])) == {STORED}


class TestLoad:
    def test_gives_each_job_whole(self, store):
        store.commit([new("backup", 1), new("report", 2, due=T0)])
        assert store.load(["backup", "report"]) == {
            "backup": Snapshot(job=job("backup"), state=state(), due=T0 + 5 * MINUTE, uuid=uuid(1)),
            "report": Snapshot(job=job("report"), state=state(), due=T0, uuid=uuid(2)),
        }

    def test_leaves_out_names_that_are_not_there(self, store):
        store.commit([new("backup")])
        assert list(store.load(["nobody", "backup", "no one"])) == ["backup"]
        assert store.load(["nobody"]) == {}

    def test_takes_no_names_and_one_name_twice(self, store):
        store.commit([new("backup"), new("report", 2)])
        assert store.load([]) == {}
        assert set(store.load(["backup", "report", "backup"])) == {"backup", "report"}

    def test_takes_more_names_than_one_read_holds(self, store):
        names = [f"job-{n:03}" for n in range(0, 600, 40)]
        store.commit([new(name, n) for n, name in enumerate(names)])
        assert sorted(store.load([f"job-{n:03}" for n in range(600)])) == names

    def test_keeps_odd_names_and_texts(self, store):
        odd = job("バックアップ-😀'\"#%", description='a\x00b\n"\\ \ud800', environment="x" * 5000)
        store.commit([Change(slug=odd.slug, job=odd, state=state(), uuid=uuid(), due=T0)])
        assert store.load([odd.slug])[odd.slug].job == odd


class TestDeclared:
    def test_gives_an_owners_jobs_and_those_that_are_named(self, store):
        jobs = [job("a", source="x"), job("b", source="y"), job("c", source="y"), job("d")]
        store.commit([Change(slug=each.slug, job=each, state=state(), uuid=uuid(n)) for n, each in enumerate(jobs)])
        found = store.declared("x", ["c", "nobody", "a"])
        assert found.items() >= {"a": jobs[0], "c": jobs[2]}.items()
        assert found.items() <= {each.slug: each for each in jobs}.items()
        assert store.declared("nobody", []).items() <= found.items() | {("b", jobs[1]), ("d", jobs[3])}

    def test_finds_an_owner_with_an_odd_name(self, store):
        odd = job("a", source="日\udcff'.yaml")
        store.commit([Change(slug="a", job=odd, state=state(), uuid=uuid())])
        assert store.declared(odd.source, []) == {"a": odd}

    def test_follows_what_changes(self, store):
        store.commit([new("a"), new("b", 2)])
        other = job("a", source="x")
        store.commit([Change(slug="a", expected=1, job=other, state=state(2))])
        assert store.declared("x", [])["a"] == other
        store.commit([Change(slug="a", expected=2, state=state(3), remove=True)])
        assert "a" not in store.declared("x", ["a"])


class TestPage:
    def test_goes_through_all_jobs_by_slug(self, store):
        fill(store, 25)
        pages, after = [], ""
        while page := store.page(after, 10):
            pages.append([snapshot.job.slug for snapshot in page])
            after = pages[-1][-1]
        assert [len(page) for page in pages] == [10, 10, 5]
        assert sum(pages, []) == [f"job-{n:03}" for n in range(25)]  # noqa: RUF017 - three short lists

    def test_is_empty_when_there_is_no_more(self, store):
        assert store.page("", 10) == []
        store.commit([new("backup")])
        assert store.page("backup", 10) == []

    def test_gives_what_load_gives(self, store):
        fill(store, 3)
        assert store.page("", 3) == list(store.load(["job-000", "job-001", "job-002"]).values())

    def test_goes_on_after_a_name_that_is_gone(self, store):
        fill(store, 3)
        store.commit([Change(slug="job-001", expected=1, remove=True)])
        assert [snapshot.job.slug for snapshot in store.page("", 2)] == ["job-000", "job-002"]
        assert [snapshot.job.slug for snapshot in store.page("job-001", 2)] == ["job-002"]


class TestSlugOf:
    def test_finds_the_job(self, store):
        store.commit([new("backup", 1), new("report", 2)])
        assert store.slug_of(uuid(2)) == "report"

    def test_is_none_for_nobody(self, store):
        assert store.slug_of(uuid(9)) is None


class TestNames:
    def test_are_those_of_the_jobs_page_by_page(self, store):
        fill(store, 5)
        assert store.names("", 3) == ["job-000", "job-001", "job-002"]
        assert store.names("job-002", 3) == ["job-003", "job-004"]
        store.commit([Change(slug="job-004", expected=1, remove=True)])
        assert store.names("job-003", 3) == []


class TestDue:
    def test_gives_what_stands_at_or_before_now_earliest_first(self, store):
        fill(store, 20, lambda n: T0 + (20 - n) * 7_001)
        assert due(store, T0, T0 + 3 * 7_001, 10) == ["job-019", "job-018", "job-017"]
        assert due(store, T0, T0 + 3 * 7_001 - 1, 10) == ["job-019", "job-018"]

    def test_gives_at_most_limit_and_the_rest_once_those_have_moved(self, store):
        fill(store, 7, lambda n: T0 + n * 40_000)
        now, seen = T0 + 5 * MINUTE, []
        while found := due(store, T0, now, 3):
            assert len(found) <= 3
            seen += found
            store.commit([Change(slug=slug, expected=1, due=now + HOUR) for slug in found])
        assert seen == [f"job-{n:03}" for n in range(7)]

    def test_gives_each_name_once(self, store):
        store.commit([new(due=T0)])
        for version, at in enumerate((T0 + 2 * MINUTE, T0 + MINUTE, T0 + MINUTE + 1, T0 + MINUTE), start=1):
            store.commit([ping(expected=version, due=at)])
        assert due(store, T0, T0 + 5 * MINUTE, 10) == ["backup"]

    def test_leaves_the_row_where_it_is_for_none(self, store):
        store.commit([new(due=T0 + MINUTE)])
        store.commit([ping(due=None)])
        assert store.load(["backup"])["backup"].due == T0 + MINUTE
        assert due(store, T0, T0 + MINUTE, 10) == ["backup"]

    def test_moves_the_row_earlier_and_later(self, store):
        store.commit([new(due=T0 + HOUR)])
        store.commit([ping(due=T0 + MINUTE)])
        assert due(store, T0, T0 + MINUTE, 10) == ["backup"]
        store.commit([ping(expected=2, due=T0 + 2 * HOUR)])
        assert due(store, T0, T0 + HOUR, 10) == []
        assert due(store, T0, T0 + 2 * HOUR, 10) == ["backup"]

    def test_moves_a_row_within_its_minute_both_ways(self, store):
        store.commit([new(due=T0 + 30_000)])
        store.commit([ping(due=T0 + 10_000)])
        assert due(store, T0, T0 + 10_000, 10) == ["backup"]
        store.commit([ping(expected=2, due=T0 + 20_000)])
        assert due(store, T0, T0 + 20_000, 10) == ["backup"]

    def test_never_gives_what_is_never_due(self, store):
        store.commit([new("backup", 1, due=NEVER), new("report", 2, due=None)])
        assert due(store, 0, T0 + 1000 * DAY, 10) == []
        assert {snapshot.due for snapshot in store.page("", 2)} == {NEVER}

    @pytest.mark.parametrize("gap", [HOUR, 7 * HOUR, 400 * DAY])
    def test_finds_old_rows_after_any_gap(self, store, gap):
        store.commit([new("late", 1, due=T0 + MINUTE), new("later", 2, due=T0 + gap - MINUTE), new("not", 3, T0 + gap)])
        assert due(store, T0, T0 + gap - 1, 10) == ["late", "later"]
        assert due(store, T0, T0 + gap - 1, 1) == ["late"]

    def test_finds_everything_when_nothing_was_ever_looked_at(self, store):
        store.commit([new("late", 1, due=T0)])
        assert due(store, 0, T0, 10) == ["late"]

    def test_finds_a_row_that_a_signal_set_into_the_past(self, store):
        store.commit([new(due=T0 + 9 * HOUR)])
        heard = T0 + 2 * HOUR
        started = replace(entry(slot=T0, at=heard), at=T0)
        store.commit([Change(slug="backup", expected=1, state=state(2), entries=(started,), due=T0 + HOUR)])
        assert due(store, heard - MINUTE, heard, 10) == ["backup"]
