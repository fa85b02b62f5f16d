"""The contract of heartbeat.store.protocol, sentence by sentence, on every store."""

from dataclasses import replace
from itertools import permutations

import pytest
from store_samples import T0, delivery, entry, job, new, ping, sent, state, uuid

from heartbeat.model import DAY, HOUR, MINUTE, NEVER, Change, Commit, Document, Outcome, Snapshot

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


class TestDue:
    def test_gives_what_stands_at_or_before_now_earliest_first(self, store):
        fill(store, 20, lambda n: T0 + (20 - n) * 7_001)
        assert store.due(T0, T0 + 3 * 7_001, 10) == ["job-019", "job-018", "job-017"]
        assert store.due(T0, T0 + 3 * 7_001 - 1, 10) == ["job-019", "job-018"]

    def test_gives_at_most_limit_and_the_rest_once_those_have_moved(self, store):
        fill(store, 7, lambda n: T0 + n * 40_000)
        now, seen = T0 + 5 * MINUTE, []
        while found := store.due(T0, now, 3):
            assert len(found) <= 3
            seen += found
            store.commit([Change(slug=slug, expected=1, due=now + HOUR) for slug in found])
        assert seen == [f"job-{n:03}" for n in range(7)]

    def test_gives_each_name_once(self, store):
        store.commit([new(due=T0)])
        for version, due in enumerate((T0 + 2 * MINUTE, T0 + MINUTE, T0 + MINUTE + 1, T0 + MINUTE), start=1):
            store.commit([ping(expected=version, due=due)])
        assert store.due(T0, T0 + 5 * MINUTE, 10) == ["backup"]

    def test_leaves_the_row_where_it_is_for_none(self, store):
        store.commit([new(due=T0 + MINUTE)])
        store.commit([ping(due=None)])
        assert store.load(["backup"])["backup"].due == T0 + MINUTE
        assert store.due(T0, T0 + MINUTE, 10) == ["backup"]

    def test_moves_the_row_earlier_and_later(self, store):
        store.commit([new(due=T0 + HOUR)])
        store.commit([ping(due=T0 + MINUTE)])
        assert store.due(T0, T0 + MINUTE, 10) == ["backup"]
        store.commit([ping(expected=2, due=T0 + 2 * HOUR)])
        assert store.due(T0, T0 + HOUR, 10) == []
        assert store.due(T0, T0 + 2 * HOUR, 10) == ["backup"]

    def test_moves_a_row_within_its_minute_both_ways(self, store):
        store.commit([new(due=T0 + 30_000)])
        store.commit([ping(due=T0 + 10_000)])
        assert store.due(T0, T0 + 10_000, 10) == ["backup"]
        store.commit([ping(expected=2, due=T0 + 20_000)])
        assert store.due(T0, T0 + 20_000, 10) == ["backup"]

    def test_never_gives_what_is_never_due(self, store):
        store.commit([new("backup", 1, due=NEVER), new("report", 2, due=None)])
        assert store.due(0, T0 + 1000 * DAY, 10) == []
        assert {snapshot.due for snapshot in store.page("", 2)} == {NEVER}

    @pytest.mark.parametrize("gap", [HOUR, 7 * HOUR, 400 * DAY])
    def test_finds_old_rows_after_any_gap(self, store, gap):
        store.commit([new("late", 1, due=T0 + MINUTE), new("later", 2, due=T0 + gap - MINUTE), new("not", 3, T0 + gap)])
        assert store.due(T0, T0 + gap - 1, 10) == ["late", "later"]
        assert store.due(T0, T0 + gap - 1, 1) == ["late"]

    def test_finds_everything_when_nothing_was_ever_looked_at(self, store):
        store.commit([new("late", 1, due=T0)])
        assert store.due(0, T0, 10) == ["late"]

    def test_finds_a_row_that_a_signal_set_into_the_past(self, store):
        store.commit([new(due=T0 + 9 * HOUR)])
        heard = T0 + 2 * HOUR
        started = replace(entry(slot=T0, at=heard), at=T0)
        store.commit([Change(slug="backup", expected=1, state=state(2), entries=(started,), due=T0 + HOUR)])
        assert store.due(heard - MINUTE, heard, 10) == ["backup"]


class TestCommit:
    def test_answers_each_change_in_order(self, store):
        changes = [new("a", 1), new("a", 1), new("b", 2), ping("a"), ping("a"), ping("a", 2), ping("nobody")]
        assert store.commit(changes) == [STORED, STALE, STORED, STORED, STALE, STORED, STALE]
        assert store.load(["a"])["a"].state.version == 3

    def test_takes_no_changes(self, store):
        assert store.commit([]) == []

    def test_is_there_for_others_when_it_returns(self, backend):
        backend.store.commit([new(), ping()])
        assert backend.open().load(["backup"]) == backend.store.load(["backup"])
        assert len(backend.open().history("backup", 9)) == 1

    def test_replaces_the_state_and_keeps_the_rest(self, store):
        store.commit([new()])
        full = state(2, recent=(1, 2), seen=("x", "y"), signals=7, pause_reason="why")
        assert store.commit([Change(slug="backup", expected=1, state=full)]) == [STORED]
        found = store.load(["backup"])["backup"]
        assert found == Snapshot(job=job(), state=full, due=T0 + 5 * MINUTE, uuid=uuid())

    def test_replaces_the_definition_when_there_is_one(self, store):
        store.commit([new()])
        changed = job(description="new words", max_runtime=HOUR)
        store.commit([Change(slug="backup", expected=1, job=changed, state=state(2), due=T0 + HOUR)])
        found = store.load(["backup"])["backup"]
        assert found == Snapshot(job=changed, state=state(2), due=T0 + HOUR, uuid=uuid())

    def test_moves_the_due_row_alone(self, store):
        store.commit([new()])
        assert store.commit([Change(slug="backup", expected=1, due=T0 + HOUR)]) == [STORED]
        assert store.commit([Change(slug="backup", expected=2, due=T0)]) == [STALE]
        assert store.load(["backup"])["backup"] == Snapshot(job=job(), state=state(), due=T0 + HOUR, uuid=uuid())

    @pytest.mark.parametrize("expected", [0, 1, 3])
    def test_is_stale_when_the_job_moved(self, store, expected):
        store.commit([new(), ping()])
        stale = Change(
            slug="backup",
            expected=expected,
            job=job(description="other"),
            state=state(expected + 1, pause_reason="other"),
            uuid=uuid(5),
            due=T0,
            entries=(entry(n=expected + 1, slot=T0 + 1),),
            deliveries=(delivery(),),
            documents=(Document(name="clock", version=1, value=1),),
        )
        before = everything(store)
        assert store.commit([stale]) == [STALE]
        assert everything(store) == before

    @pytest.mark.parametrize(
        "conflict",
        [
            {"deliveries": (delivery("fresh"), delivery("known", 1))},
            {"deliveries": (delivery("fresh"), delivery("known", 3))},
            {"deliveries": (delivery("fresh"), delivery("unknown", 2))},
            {"documents": (Document(name="fresh", version=1, value=1), Document(name="known", version=1, value=1))},
            {"documents": (Document(name="fresh", version=1, value=1), Document(name="known", version=3, value=1))},
            {"documents": (Document(name="fresh", version=1, value=1), Document(name="unknown", version=2, value=1))},
            {"deliveries": (delivery("fresh"),), "documents": (Document(name="known", version=1, value=2),)},
        ],
    )
    @pytest.mark.parametrize("slug", ["", "backup"])
    def test_is_stale_when_a_delivery_or_document_moved(self, store, conflict, slug):
        known = Change(deliveries=(delivery("known"),), documents=(Document(name="known", version=1, value=1),))
        assert store.commit([new(), known]) == [STORED, STORED]
        before = everything(store)
        change = replace(ping(due=T0), **conflict) if slug else Change(**conflict)
        assert store.commit([change]) == [STALE]
        assert everything(store) == before

    def test_is_stale_when_one_delivery_or_one_document_moved(self, store):
        one, two = Document(name="clock", version=1, value="a"), Document(name="clock", version=1, value="b")
        assert store.commit([Change(documents=(one,)), Change(documents=(two,))]) == [STORED, STALE]
        assert store.document("clock") == one
        assert store.commit([Change(deliveries=(delivery(),)), Change(deliveries=(delivery(),))]) == [STORED, STALE]
        assert store.commit([Change(deliveries=(sent(version=3),))]) == [STALE]
        assert store.deliveries("i-1") == [delivery()]

    def test_a_stale_change_does_not_touch_the_others(self, store):
        changes = [new("a", 1), ping("a", 7, deliveries=(delivery("x"),)), ping("a", 1, deliveries=(delivery("y"),))]
        assert store.commit(changes) == [STORED, STALE, STORED]
        assert [found.id for found in store.deliveries("i-1")] == ["y"]

    def test_only_adds_entries(self, store):
        store.commit([new(), *(ping(expected=n, slot=T0 + n) for n in range(1, 6))])
        assert [found.n for found in store.history("backup", 10)] == [6, 5, 4, 3, 2]

    def test_does_not_mind_alerts_and_more(self, store):
        assert store.commit([replace(new(), alerts=(delivery().alert,), more=True)]) == [STORED]
        assert store.outbox(NEVER - 1, 10) == []

    def test_keeps_everything_of_a_change(self, store):
        store.commit([new()])
        clock = Document(name="clock", version=1, value={"checkpoint": T0})
        change = ping(due=T0 + HOUR, deliveries=(delivery("a"), delivery("b", created_at=T0 + 1)), documents=(clock,))
        assert store.commit([change]) == [STORED]
        assert store.load(["backup"])["backup"].state == change.state
        assert store.due(T0, T0 + HOUR, 1) == ["backup"]
        assert tuple(store.history("backup", 9)) == change.entries
        assert tuple(store.deliveries("i-1")) == change.deliveries
        assert store.document("clock") == clock

    def test_takes_a_hundred_entries_and_dozens_of_deliveries(self, store):
        store.commit([new()])
        entries = tuple(entry(n=2, slot=T0 + n, body="x" * 900) for n in range(110))
        deliveries = tuple(delivery(f"d{n:02}") for n in range(60))
        assert store.commit([replace(ping(), entries=entries, deliveries=deliveries)]) == [STORED]
        assert store.history("backup", 200) == list(reversed(entries))
        assert len(store.deliveries("i-1")) == 60

    def test_takes_entries_with_large_bodies(self, store):
        entries = tuple(entry(n=2, slot=T0 + n, body="日" * 3_333) for n in range(60))
        assert store.commit([new(), replace(ping(), entries=entries)]) == [STORED, STORED]
        assert store.history("backup", 60) == list(reversed(entries))


class TestRemove:
    def test_takes_job_state_and_due_row_away(self, store):
        store.commit([new(), ping()])
        assert store.commit([Change(slug="backup", expected=2, remove=True)]) == [STORED]
        assert store.load(["backup"]) == {}
        assert store.page("", 9) == []
        assert store.slug_of(uuid()) is None
        assert store.due(T0, T0 + HOUR, 9) == []
        assert store.commit([ping(expected=2), Change(slug="backup", expected=2, remove=True)]) == [STALE, STALE]

    @pytest.mark.parametrize("expected", [1, 3])
    def test_is_stale_like_any_change(self, store, expected):
        store.commit([new(), ping()])
        before = everything(store)
        stale = Change(slug="backup", expected=expected, remove=True, entries=(entry(n=9),))
        assert store.commit([stale, replace(stale, slug="nobody")]) == [STALE, STALE]
        assert everything(store) == before

    def test_leaves_the_history(self, store):
        store.commit([new(), ping(), Change(slug="backup", expected=2, remove=True, entries=(entry(n=3),))])
        assert [found.n for found in store.history("backup", 9)] == [3, 2]

    def test_leaves_the_deliveries(self, store):
        store.commit([new(), ping(deliveries=(delivery(),)), Change(slug="backup", expected=2, remove=True)])
        assert store.outbox(T0, 9) == [delivery()]

    def test_a_new_job_of_that_name_goes_on_with_the_history(self, store):
        remove = Change(slug="backup", expected=2, remove=True)
        for life in range(3):
            made = replace(new(number=life), entries=(entry(n=1, slot=T0 + life * HOUR),))
            assert store.commit([made, ping(slot=T0 + life * HOUR + 1), remove]) == [STORED] * 3
        slots = [found.slot - T0 for found in store.history("backup", 9)]
        assert slots == [2 * HOUR + 1, 2 * HOUR, HOUR + 1, HOUR, 1, 0]
        assert store.commit([new(number=9)]) == [STORED]
        assert store.slug_of(uuid(9)) == "backup"
        assert store.slug_of(uuid(1)) is None
        assert len(store.history("backup", 9)) == 6


class TestUuid:
    def test_counts_only_in_the_change_that_makes_the_job(self, store):
        store.commit([new(number=1), replace(ping(), uuid=uuid(2))])
        assert store.load(["backup"])["backup"].uuid == uuid(1)
        assert store.slug_of(uuid(2)) is None

    def test_belongs_to_one_job(self, store):
        assert store.commit([new("a", 1), new("b", 1)]) == [STORED, STALE]
        assert store.load(["a", "b"]).keys() == {"a"}

    def test_may_be_missing(self, store):
        assert store.commit([replace(new("a"), uuid=""), replace(new("b"), uuid="")]) == [STORED, STORED]
        assert store.load(["a"])["a"].uuid == ""
        assert store.slug_of("") is None


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


class TestRaces:
    def test_of_two_writers_from_one_version_one_is_stored(self, backend):
        backend.store.commit([new()])
        for version in range(1, 11):
            mine, yours = (ping(expected=version, slot=T0 + version), ping(expected=version, slot=T0 - version))
            assert sorted(backend.race(mine, yours)) == [STALE, STORED]
        found = backend.store.load(["backup"])["backup"]
        assert found.state.version == 11
        assert [kept.n for kept in backend.store.history("backup", 99)] == list(range(11, 1, -1))

    def test_of_two_who_make_a_job_one_is_stored(self, backend):
        for number in range(10):
            mine, yours = new(f"job-{number}", 2 * number), new(f"job-{number}", 2 * number + 1)
            answers = backend.race(mine, yours)
            assert sorted(answers) == [STALE, STORED]
            winner = (mine, yours)[answers.index(STORED)]
            assert backend.store.slug_of(winner.uuid) == winner.slug
            assert backend.store.load([winner.slug])[winner.slug].uuid == winner.uuid

    @pytest.mark.parametrize("order", list(permutations(("ping", "sweep"))))
    def test_sweep_against_ping_from_one_snapshot(self, backend, order):
        backend.store.commit([new(due=T0)])
        told = Change(
            slug="backup", expected=1, state=state(2, streak=1), due=T0 + HOUR, deliveries=(delivery(),),
            entries=(replace(entry(), signal=None),),
        )  # fmt: skip
        changes = {"ping": ping(), "sweep": told}
        answers = backend.race(*(changes[name] for name in order))
        assert sorted(answers) == [STALE, STORED]
        won = changes[order[answers.index(STORED)]]
        assert backend.store.load(["backup"])["backup"].state == won.state
        assert tuple(backend.store.history("backup", 9)) == won.entries
        assert tuple(backend.store.deliveries("i-1")) == won.deliveries
        assert backend.store.due(T0, T0 + MINUTE, 9) == ([] if won is told else ["backup"])

    def test_a_delivery_is_claimed_by_one(self, backend):
        backend.store.commit([Change(deliveries=(delivery(),))])
        for version in range(2, 12):
            claims = [delivery(version=version, next_at=T0 + n, group=f"by {n}") for n in (1, 2)]
            answers = backend.race(*(Change(deliveries=(claim,)) for claim in claims))
            assert sorted(answers) == [STALE, STORED]
            assert backend.store.outbox(T0 + 9, 9) == [claims[answers.index(STORED)]]

    def test_of_two_who_claim_overlapping_deliveries_one_gets_all(self, backend):
        backend.store.commit([Change(deliveries=tuple(delivery(name) for name in "abc"))])
        claims = [tuple(delivery(name, 2, group=names) for name in names) for names in ("ab", "cb")]
        answers = backend.race(*(Change(deliveries=claim) for claim in claims))
        assert sorted(answers) == [STALE, STORED]
        won = claims[answers.index(STORED)]
        assert sorted(d.id for d in backend.store.outbox(T0, 9) if d.version == 2) == sorted(d.id for d in won)

    def test_a_document_goes_to_one(self, backend):
        for version in range(1, 11):
            written = [Document(name="clock", version=version, value=n) for n in (1, 2)]
            answers = backend.race(*(Change(documents=(document,)) for document in written))
            assert sorted(answers) == [STALE, STORED]
            assert backend.store.document("clock") == written[answers.index(STORED)]

    def test_removal_against_ping(self, backend):
        backend.store.commit([new()])
        answers = backend.race(Change(slug="backup", expected=1, remove=True), ping())
        assert sorted(answers) == [STALE, STORED]
        assert bool(backend.store.load(["backup"])) == (answers[1] is STORED)

    def test_many_writers_lose_no_update(self, backend):
        backend.store.commit([new()])
        for version in range(1, 4):
            answers = backend.race(*(ping(expected=version, slot=T0 + n) for n in range(8)))
            assert sorted(answers) == [STALE] * 7 + [STORED]
        assert len(backend.store.history("backup", 99)) == 3


def test_closing_twice_is_harmless(backend):
    store = backend.open()
    store.close()
    store.close()


def everything(store):
    """All that can be read of the suite's usual job, deliveries and documents."""
    return (
        store.page("", 99),
        store.history("backup", 99),
        store.due(T0, T0 + 9 * MINUTE, 99),
        [store.deliveries(incident) for incident in ("i-1", "i-2", "")],
        store.outbox(T0 + DAY, 99),
        [store.document(name) for name in ("clock", "known", "fresh", "unknown")],
        [store.slug_of(uuid(n)) for n in range(10)],
    )
