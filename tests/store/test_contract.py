"""The contract of heartbeat.store.protocol, sentence by sentence, on every store: what is written."""

import pytest
from msgspec.structs import replace
from store_samples import T0, delivery, due, entry, job, new, ping, sent, state, uuid

from heartbeat.model import DAY, HOUR, MINUTE, NEVER, Change, Commit, Document, Snapshot

STORED, STALE = Commit.STORED, Commit.STALE


def everything(store):
    """All that can be read of the suite's usual job, deliveries and documents."""
    return (
        store.page("", 99),
        store.history("backup", 99),
        due(store, T0, T0 + 9 * MINUTE, 99),
        [store.deliveries(incident) for incident in ("i-1", "i-2", "")],
        store.outbox(T0 + DAY, 99),
        [store.document(name) for name in ("clock", "known", "fresh", "unknown")],
        [store.slug_of(uuid(n)) for n in range(10)],
    )


class TestCommit:
    def test_answers_each_change_in_order(self, store):
        changes = [new("a", 1), new("b", 2), new("b", 2), ping("a"), ping("b"), ping("a", 2), ping("nobody")]
        assert store.commit(changes) == [STORED, STORED, STALE, STORED, STALE, STORED, STALE]
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
        changes = [ping("a", 7, deliveries=(delivery("x"),)), ping("b", 1, deliveries=(delivery("y"),))]
        assert store.commit([new("a", 1), new("b", 2), *changes]) == [STORED, STORED, STALE, STORED]
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
        assert due(store, T0, T0 + HOUR, 1) == ["backup"]
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
        assert due(store, T0, T0 + HOUR, 9) == []
        assert store.commit([ping(expected=2), Change(slug="backup", expected=2, remove=True)]) == [STALE, STALE]

    @pytest.mark.parametrize("expected", [1, 3])
    def test_is_stale_like_any_change(self, store, expected):
        store.commit([new(), ping()])
        before = everything(store)
        stale = Change(slug="backup", expected=expected, remove=True, entries=(entry(n=9),))
        assert store.commit([stale, replace(stale, slug="nobody")]) == [STALE, STALE]
        assert everything(store) == before

    def test_leaves_what_it_was_until_another_of_that_name_is_made(self, store):
        store.commit([new(), ping()])
        gone = state(3, removed_at=T0 + HOUR)
        assert store.left(["backup"]) == {}
        assert store.commit([Change(slug="backup", expected=2, state=gone, remove=True)]) == [STORED]
        assert store.left(["backup", "nobody"]) == {"backup": Snapshot(job=job(), state=gone, due=NEVER, uuid=uuid())}
        assert store.load(["backup"]) == {}
        assert store.commit([new(number=1)]) == [STORED]
        assert store.left(["backup"]) == {}

    def test_leaves_the_definition_of_the_same_batch(self, store):
        changed = job(description="new words")
        remove = Change(slug="backup", expected=2, state=state(3, removed_at=T0), remove=True)
        redefine = Change(slug="backup", expected=1, job=changed, state=state(2))
        assert store.commit([new(), redefine, remove]) == [STORED] * 3
        assert store.left(["backup"])["backup"].job == changed

    def test_leaves_nothing_to_read_without_a_state(self, store):
        store.commit([new(), Change(slug="backup", expected=1, remove=True)])
        assert store.left(["backup"]) == {}

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
        assert [*store.commit([new("a", 1)]), *store.commit([new("b", 1)])] == [STORED, STALE]
        assert store.load(["a", "b"]).keys() == {"a"}
        assert sorted(store.commit([new("c", 2), new("d", 2)])) == sorted([STORED, STALE])  # at once: either
        assert len(store.load(["c", "d"])) == 1

    def test_may_be_missing(self, store):
        assert store.commit([replace(new("a"), uuid=""), replace(new("b"), uuid="")]) == [STORED, STORED]
        assert store.load(["a"])["a"].uuid == ""
        assert store.slug_of("") is None


def test_closing_twice_is_harmless(backend):
    store = backend.open()
    store.close()
    store.close()
