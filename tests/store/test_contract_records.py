"""The contract of heartbeat.store.protocol, sentence by sentence, on every store: history, outbox, documents."""

import pytest
from msgspec.structs import replace
from store_samples import T0, delivery, entry, new, ping, sent

from heartbeat.model import DAY, HOUR, MINUTE, NEVER, Change, Commit, Document, Outcome
from heartbeat.store.protocol import HISTORY_READ, OLDER_MAX

STORED, STALE = Commit.STORED, Commit.STALE


class TestHistory:
    def test_is_newest_first_and_limited(self, store):
        store.commit([new(), *(ping(expected=n, slot=T0 + n * MINUTE) for n in range(1, 30))])
        assert [found.n for found in store.history("backup", 5)] == [30, 29, 28, 27, 26]
        assert len(store.history("backup", 100)) == 29

    def test_is_of_one_job(self, store):
        store.commit([new("a", 1), new("b", 2), ping("a"), ping("b"), ping("a", 2), ping("b", 2)])
        assert [(found.slug, found.n) for found in store.history("a", 9)] == [("a", 3), ("a", 2)]
        assert store.history("nobody", 9) == []

    def test_is_of_one_slot(self, store):
        store.commit([new(), *(ping(expected=n, slot=T0 + n % 3 * MINUTE) for n in range(1, 31))])
        assert [found.n for found in store.history("backup", 4, T0 + MINUTE)] == [29, 26, 23, 20]
        assert len(store.history("backup", 99, T0 + MINUTE)) == 10
        assert store.history("backup", 9, T0 + HOUR) == []

    def test_finds_one_slot_among_the_entries_of_one_change(self, store):
        entries = tuple(entry(n=2, slot=slot, at=T0) for slot in (T0, T0 + MINUTE, T0, None))
        store.commit([new(), replace(ping(), entries=entries)])
        assert len(store.history("backup", 9, T0)) == 2
        assert len(store.history("backup", 1, T0)) == 1

    def test_gives_back_what_was_put_in(self, store):
        kept = entry(body='日本語\x00"\ud83d', exit_status=3, metrics=(("rows", 1.5), ("size", float("inf"))), id="x")
        bare = replace(kept, slot=None, signal=None, verdict=None, reason=None, remark="paused by ops")
        store.commit([new(), replace(ping(), entries=(kept, bare))])
        assert store.history("backup", 9) == [bare, kept]


class TestOutbox:
    def test_gives_what_has_come_by_next_at(self, store):
        waiting = [delivery(f"d{n}", next_at=T0 + (n * 3) % 7, incident=f"i-{n % 2}") for n in range(7)]
        store.commit([Change(deliveries=tuple(waiting))])
        assert [found.next_at - T0 for found in store.outbox(T0 + 4, 9)] == [0, 1, 2, 3, 4]
        assert [found.next_at - T0 for found in store.outbox(T0 + 4, 2)] == [0, 1]
        assert store.outbox(T0 - 1, 9) == []

    def test_a_claim_hides_it_until_it_runs_out(self, store):
        held = delivery(version=2, next_at=T0 + MINUTE, attempts=1)
        store.commit([Change(deliveries=(delivery(),)), Change(deliveries=(held,))])
        assert store.outbox(T0 + MINUTE - 1, 9) == []
        assert store.outbox(T0 + MINUTE, 9) == [held]

    def test_may_come_earlier_again(self, store):
        store.commit([Change(deliveries=(delivery(next_at=T0 + HOUR),)), Change(deliveries=(delivery(version=2),))])
        store.commit([Change(deliveries=(delivery(version=3),))])
        assert store.outbox(T0 + 2 * HOUR, 9) == [delivery(version=3)]

    def test_does_not_give_what_is_finished(self, store):
        store.commit([Change(deliveries=(delivery(),)), Change(deliveries=(sent(),))])
        assert store.outbox(T0 + 1000 * DAY, 9) == []

    def test_gives_what_has_been_taken_up_again(self, store):
        dead = delivery(version=2, next_at=NEVER, outcome=Outcome.DEAD)
        store.commit([Change(deliveries=(d,)) for d in (delivery(), dead, delivery(version=3))])
        assert store.outbox(T0, 9) == [delivery(version=3)]

    def test_gives_the_rest_once_the_first_are_finished(self, store):
        store.commit([Change(deliveries=tuple(delivery(f"d{n}", next_at=T0 + n) for n in range(7)))])
        seen = []
        while found := store.outbox(T0 + HOUR, 3):
            seen += [one.id for one in found]
            store.commit([Change(deliveries=(sent(one.id),)) for one in found])
        assert seen == [f"d{n}" for n in range(7)]

    def test_keeps_waiting_however_long(self, store):
        store.commit([Change(deliveries=(delivery(),))])
        store.purge(T0 + 400 * DAY, 100)
        assert store.outbox(T0 + 400 * DAY, 9) == [delivery()]


class TestDeliveries:
    def test_gives_all_of_an_incident_oldest_first(self, store):
        for order in ((3, 1, 2),):
            kept = [delivery(f"d{9 - n}", created_at=T0 + n, next_at=T0 - n) for n in order]
            store.commit([Change(deliveries=tuple(kept)), Change(deliveries=(delivery("other", incident="i-2"),))])
        store.commit([Change(deliveries=(sent("d8", created_at=T0 + 1),))])
        assert [(found.id, found.outcome) for found in store.deliveries("i-1")] == [
            ("d8", Outcome.SENT),
            ("d7", Outcome.PENDING),
            ("d6", Outcome.PENDING),
        ]
        assert store.deliveries("i-3") == []

    def test_knows_those_of_no_incident(self, store):
        store.commit([Change(deliveries=(delivery("a", incident=""), delivery("b")))])
        assert [found.id for found in store.deliveries("")] == ["a"]


class TestDocument:
    def test_is_version_0_and_none_when_never_written(self, store):
        assert store.document("clock") == Document(name="clock", version=0, value=None)

    @pytest.mark.parametrize("value", [None, 0, "", [], {"a": [1, 2.5, None, True]}, "日本語 \x00", "\ud800"])
    def test_keeps_any_value(self, store, value):
        document = Document(name="of/any name", version=1, value=value)
        assert store.commit([Change(documents=(document,))]) == [STORED]
        assert store.document("of/any name") == document

    def test_goes_on_from_version_to_version(self, store):
        written = [Document(name="clock", version=n, value=n) for n in (1, 2, 3)]
        assert store.commit([Change(documents=(document,)) for document in written]) == [STORED] * 3
        assert store.document("clock") == written[-1]


class TestPurge:
    def test_forgets_old_entries_and_finished_deliveries(self, backend):
        store = backend.store
        store.commit([new(), *(ping(expected=n, slot=T0 + n) for n in range(1, 11))])
        old = tuple(delivery(id, created_at=T0 - 1) for id in ("done", "open"))  # noqa: A001 - the noun's own word
        store.commit([Change(deliveries=(*old, delivery("new", created_at=T0 + 9)))])
        store.commit([Change(deliveries=(sent("done", created_at=T0 - 1), sent("new", created_at=T0 + 9)))])
        gone = store.purge(T0 + 4, 100)
        assert gone == (0 if backend.expires else 4)
        if gone:
            assert [found.n for found in store.history("backup", 99)] == [11, 10, 9, 8, 7, 6, 5]
            assert {found.id for found in store.deliveries("i-1")} == {"open", "new"}
        assert store.purge(T0 + 4, 100) == 0

    def test_forgets_no_more_than_limit_at_once(self, backend):
        store = backend.store
        store.commit([new(), *(ping(expected=n, slot=T0 + n) for n in range(1, 11))])
        gone = [store.purge(T0 + 10, 4) for _ in range(4)]
        assert gone == ([0] * 4 if backend.expires else [4, 4, 1, 0])

    def test_counts_from_when_an_entry_came_in(self, store):
        late = replace(entry(slot=T0, at=T0 + DAY), at=T0)
        store.commit([new(), replace(ping(), entries=(late,)), ping(expected=2, slot=T0 + 2 * DAY)])
        assert store.purge(T0 + DAY, 9) == 0
        assert len(store.history("backup", 9)) == 2

    def test_chains_of_many_jobs_survive_it(self, store):
        store.commit([new("a", 1), new("b", 2), ping("a"), ping("b"), ping("a", 2)])
        store.commit([Change(slug="a", expected=3, remove=True)])
        for _ in range(3):
            store.purge(T0 + DAY, 100)
        store.commit([ping("b", n, slot=T0 + DAY) for n in range(2, 12)])
        store.commit([new("a", 3), ping("a", slot=T0 + 2 * DAY)])
        assert store.history("b", 99)[0].n == 12
        assert {found.slug for found in store.history("b", 99)} == {"b"}
        assert {found.slug for found in store.history("a", 99)} == {"a"}


class TestReadingBack:
    """The most that is read, however long the history is."""

    def test_a_slot_is_looked_for_among_so_many(self, store):
        store.commit([new(), ping(slot=T0)])
        for start in range(2, HISTORY_READ + 1, 100):
            after = (ping(expected=n, slot=T0 + HOUR) for n in range(start, min(start + 100, HISTORY_READ + 1)))
            assert set(store.commit(list(after))) == {STORED}
        assert len(store.history("backup", 1, T0)) == 1
        assert store.commit([ping(expected=HISTORY_READ + 1, slot=T0 + HOUR)]) == [STORED]
        assert store.history("backup", 1, T0) == []
        assert len(store.history("backup", HISTORY_READ + 9)) == HISTORY_READ + 1

    def test_what_is_older_ends_the_reading(self, store):
        count = OLDER_MAX + 9
        store.commit([new(), *(ping(expected=n, slot=T0 + n * MINUTE) for n in range(1, count))])
        newest = T0 + (count - 1) * MINUTE
        assert len(store.history("backup", count, since=T0)) == count - 1
        assert len(store.history("backup", count, since=newest)) == 1 + OLDER_MAX
        assert len(store.history("backup", count, since=newest + 1)) == OLDER_MAX
        assert len(store.history("backup", 1, T0 + MINUTE)) == 1
        assert store.history("backup", 1, T0 + MINUTE, newest) == []

    def test_a_few_that_are_dated_earlier_do_not(self, store):
        late = [entry(n=2, slot=T0 + HOUR, at=T0 - n * MINUTE) for n in range(OLDER_MAX - 1)]
        heard = entry(n=2, slot=T0)
        old = tuple(replace(found, signal=None) for found in late)
        store.commit([new(), replace(ping(), entries=(heard, *old))])
        assert store.history("backup", 1, T0, heard.signal.received) == [heard]
