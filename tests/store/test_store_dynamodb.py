"""What is promised of the DynamoDB store alone: what it costs, and what a crash leaves behind."""

import os
import subprocess
import sys
from contextlib import suppress

import pytest
from msgspec.structs import replace
from store_samples import T0, delivery, due, entry, job, new, ping, sent, state
from store_wire import Crash, items

from heartbeat.model import DAY, HOUR, MINUTE, Change, Commit, Document
from heartbeat.store.dynamodb.store import DynamoDBStore

STORED, STALE = Commit.STORED, Commit.STALE


@pytest.fixture
def store(wire):
    return DynamoDBStore("heartbeat", wire, sleep=wire.slept.append)


def size(item):
    """https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html, near enough."""
    return sum(
        len(name) + sum(len(str(value).encode()) for value in attribute.values()) for name, attribute in item.items()
    )


class TestCost:
    def test_an_on_time_ping_is_two_small_writes(self, wire, store):
        described = job(description="日次レポート", owner="ops@example.com", runbook="https://wiki.example.com/backup")
        store.commit([replace(new(), job=described)])
        recent = tuple(T0 + n for n in range(5))
        settled = state(2, recent=recent, seen=("0d9cf9f0-5cd5-4a0a-9d1c-3a9b7f3f1c11",), last_signal=T0, signals=12)
        assert wire.operations(store, replace(ping(), state=settled)) == ["UpdateItem", "PutItem"]
        kept = [item for item in items(wire.call) if item["pk"]["S"] in {"job#backup", "log#backup"}]
        assert len(kept) == 2
        assert max(map(size, kept)) <= 1024  # one write unit each

    def test_a_start_that_must_be_looked_at_earlier_is_three_with_the_wheel_first(self, wire, store):
        store.commit([new()])
        assert wire.operations(store, ping(due=T0 + MINUTE)) == ["PutItem", "UpdateItem", "PutItem"]
        assert wire.sent[0][1]["Item"]["pk"]["S"].startswith("due#")

    def test_pushing_the_due_row_on_is_two(self, wire, store):
        store.commit([new()])
        pushed = Change(slug="backup", expected=1, state=state(2), due=T0 + HOUR)
        assert wire.operations(store, pushed) == ["PutItem", "UpdateItem"]

    def test_a_claim_is_no_transaction(self, wire, store):
        store.commit([Change(deliveries=(delivery(),))])
        claim = Change(deliveries=(delivery(version=2, next_at=T0 + MINUTE),))
        assert wire.operations(store, claim) == ["BatchGetItem", "PutItem", "PutItem", "DeleteItem"]

    def test_what_belongs_together_is_one_transaction(self, wire, store):
        assert wire.operations(store, new()) == ["GetItem", "PutItem", "TransactWriteItems"]
        told = ping(deliveries=(delivery(),), documents=(Document(name="clock", version=1, value=1),))
        assert wire.operations(store, told) == ["GetItem", "PutItem", "TransactWriteItems"]
        assert len(wire.sent[-1][1]["TransactItems"]) == 4

    def test_reading_one_job_is_one_read(self, wire, store):
        store.commit([new()])
        wire.sent.clear()
        store.load(["backup"])
        assert [operation for operation, _ in wire.sent] == ["GetItem"]

    def test_every_read_is_strongly_consistent(self, wire, store):
        store.commit([new(), ping(deliveries=(delivery(),))])
        wire.sent.clear()
        store.load(["backup"]), store.load(["a", "b"]), store.page("", 9), store.slug_of("x")
        due(store, T0, T0 + HOUR, 9), due(store, 0, T0, 9), store.history("backup", 9, T0), store.outbox(T0, 9)
        store.deliveries("i-1"), store.document("clock")
        for operation, request in [each for each in wire.sent if each[0] not in {"PutItem", "BatchWriteItem"}]:
            asked = request["RequestItems"]["heartbeat"] if operation == "BatchGetItem" else request
            assert asked["ConsistentRead"] is True, operation


CHANGES = {
    "make": (new("other", 2, due=T0 + MINUTE),),
    "ping": (ping(),),
    "start": (ping(due=T0 + MINUTE),),
    "tell": (
        ping(due=T0 + MINUTE, deliveries=(delivery("b"),), documents=(Document(name="clock", version=1, value=1),)),
    ),
    "claim": (Change(deliveries=(delivery("a", 2, next_at=T0 + MINUTE),)),),
    "mark": (Change(deliveries=(sent("a"),)),),
    "remove": (Change(slug="backup", expected=1, remove=True),),
    "push on": (Change(slug="backup", expected=1, due=T0 + MINUTE),),
}


class TestCrash:
    @pytest.mark.parametrize("requests", range(6))
    @pytest.mark.parametrize("name", CHANGES)
    def test_after_any_request_leaves_all_or_nothing_that_counts(self, call, wire, name, requests):
        other = DynamoDBStore("heartbeat", call)
        other.commit([new(due=T0 + HOUR), Change(deliveries=(delivery("a"),))])
        self.crash(wire, CHANGES[name], requests)
        jobs = other.page("", 9)
        told = other.deliveries("i-1")
        for now in (T0, T0 + MINUTE, T0 + HOUR):
            assert set(due(other, T0, now, 9)) == {found.job.slug for found in jobs if found.due <= now}
            assert {found.id for found in other.outbox(now, 9)} == {d.id for d in told if d.next_at <= now}
        whole = (len(jobs), jobs[0].state.version if jobs else 0, len(told), other.document("clock").version)
        assert whole in {(1, 1, 1, 0), (2, 1, 1, 0), (1, 2, 1, 0), (1, 2, 2, 1), (0, 0, 1, 0)}

    def crash(self, wire, changes, requests):
        """The process dies when so many requests have gone through, if it sends more."""

        def before(*_request):
            if len(wire.sent) > requests:
                raise Crash

        wire.before = before
        wire.sent.clear()
        with suppress(Crash):
            DynamoDBStore("heartbeat", wire).commit(changes)

    def test_between_the_wheel_and_the_job_the_old_row_still_stands(self, call, wire, store):
        store.commit([new(due=T0 + 5 * MINUTE)])
        self.crash(wire, [ping(due=T0 + MINUTE)], 1)
        other = DynamoDBStore("heartbeat", call)
        assert due(other, T0, T0 + 4 * MINUTE, 9) == []
        assert due(other, T0, T0 + 5 * MINUTE, 9) == ["backup"]
        assert other.commit([ping(due=T0 + MINUTE)]) == [STORED]
        assert due(other, T0, T0 + MINUTE, 9) == ["backup"]

    def test_old_outbox_rows_are_cleared_by_who_comes_by(self, call, wire, store):
        store.commit([Change(deliveries=(delivery("a"),))])
        self.crash(wire, [Change(deliveries=(sent("a"),))], 2)
        assert any(item["pk"]["S"] == "outbox#0" for item in items(call))
        assert DynamoDBStore("heartbeat", call).outbox(T0, 9) == []
        assert not any(item["pk"]["S"] == "outbox#0" for item in items(call))

    def test_a_slow_loser_does_not_put_its_row_over_a_newer_one(self, call, store):
        store.commit([Change(deliveries=(delivery(version=n, next_at=T0 + n % 2),)) for n in range(1, 6)])
        assert store.commit([Change(deliveries=(delivery(version=1, next_at=T0 + 1),))]) == [STALE]
        (row,) = (item for item in items(call) if item["pk"]["S"] == "outbox#0")
        assert row["ver"] == {"N": "5"}


class TestWheel:
    def test_rows_that_are_no_longer_true_are_harmless(self, store):
        store.commit([new(f"job-{n}", n, due=T0 + n) for n in range(6)])
        store.commit([Change(slug=f"job-{n}", expected=1, due=T0 + HOUR + n) for n in range(4)])
        store.commit([Change(slug="job-4", expected=1, remove=True)])
        assert due(store, T0, T0 + MINUTE, 1) == ["job-5"]
        store.commit([Change(slug="job-5", expected=1, due=T0 + HOUR)])
        assert due(store, T0, T0 + MINUTE, 1) == []

    def test_more_shards_find_the_rows_of_fewer(self, call):
        DynamoDBStore("heartbeat", call, shards=1).commit([new(f"job-{n}", n, due=T0) for n in range(9)])
        DynamoDBStore("heartbeat", call, shards=1).commit([Change(deliveries=(delivery(),))])
        wider = DynamoDBStore("heartbeat", call, shards=4)
        assert len(due(wider, T0, T0, 99)) == 9
        assert wider.outbox(T0, 9) == [delivery()]
        wider.commit([Change(deliveries=(sent(),))])
        assert wider.outbox(T0, 9) == []

    def test_a_gap_longer_than_the_wheel_is_read_goes_through_all_jobs(self, wire, store):
        store.commit([new(f"job-{n}", n, due=T0 + n * HOUR) for n in range(9)])
        wire.sent.clear()
        assert due(store, T0 - 30 * DAY, T0 + 2 * HOUR, 9) == ["job-0", "job-1", "job-2"]
        assert [operation for operation, _ in wire.sent] == ["Query", "BatchGetItem", "BatchWriteItem"]

    def test_a_checkpoint_in_the_future_hides_nothing_that_is_due_now(self, store):
        store.commit([new(due=T0)])
        assert due(store, T0 + DAY, T0 + 1, 9) == ["backup"]


class TestExpiry:
    def test_what_may_be_forgotten_expires_and_nothing_else(self, call):
        store = DynamoDBStore("heartbeat", call, retention=10 * DAY)
        late = replace(entry(at=T0 + DAY), at=T0)
        store.commit([new(due=T0), replace(ping(), entries=(late,), deliveries=(delivery("a"), delivery("b")))])
        store.commit([Change(deliveries=(sent("a"),), documents=(Document(name="clock", version=1, value=1),))])
        expires = {
            (item["pk"]["S"], item["sk"]["S"][-1]): int(item["expires"]["N"]) - T0 // 1000
            for item in items(call)
            if "expires" in item
        }
        days = 86_400
        assert {pk: value / days for (pk, _), value in expires.items()} == {
            f"due#{T0 // (10 * MINUTE)}#0": 3,
            "log#backup": 11,
            "incident#i-1": 10,
            "outbox#0": 10,
        }
        assert ("incident#i-1", "b") not in expires


def test_imports_neither_boto3_nor_botocore():
    code = (
        "import sys, heartbeat.store.dynamodb.store\n"
        "print(*(name for name in ('boto3', 'botocore', 'sqlite3') if name in sys.modules))"
    )
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
