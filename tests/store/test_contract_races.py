"""The contract of heartbeat.store.protocol, sentence by sentence, on every store: races."""

from itertools import permutations

import pytest
from msgspec.structs import replace
from store_samples import T0, delivery, due, entry, new, ping, state

from heartbeat.model import HOUR, MINUTE, Change, Commit, Document

STORED, STALE = Commit.STORED, Commit.STALE


class TestRaces:
    def test_of_two_writers_from_one_version_one_is_stored(self, backend):
        backend.store.commit([new()])
        for version in range(1, 11):
            mine, yours = (ping(expected=version, slot=T0 + version), ping(expected=version, slot=T0 - version))
            assert sorted(backend.race(mine, yours)) == [STALE, STORED]
        found = backend.store.load(["backup"])["backup"]
        assert found.state.version == 11
        assert [kept.n for kept in backend.store.history("backup", 99)] == list(range(11, 1, -1))

    def test_what_was_decided_on_a_refused_change_is_refused_too(self, backend):
        """Even if the version that it expects is there: another writer made it, a pause perhaps."""
        backend.store.commit([new(), new("other", 1)])
        backend.store.commit([ping(slot=T0 + 1)])
        decided = [ping(expected=1, slot=T0 + 2), ping("other"), ping(expected=2, slot=T0 + 3)]
        assert backend.store.commit(decided) == [STALE, STORED, STALE]
        assert [kept.slot for kept in backend.store.history("backup", 9)] == [T0 + 1]

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
        assert due(backend.store, T0, T0 + MINUTE, 9) == ([] if won is told else ["backup"])

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
            answers = backend.race(*(ping(expected=version, slot=T0 + n) for n in range(16)))
            assert sorted(answers) == [STALE] * 15 + [STORED]
        assert len(backend.store.history("backup", 99)) == 3
