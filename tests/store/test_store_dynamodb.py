"""What is promised of the DynamoDB store alone: what it costs, and what it makes of a world that says no."""

import os
import subprocess
import sys
from contextlib import suppress
from dataclasses import replace

import pytest
from store_samples import T0, delivery, entry, job, new, ping, sent, state

from heartbeat.errors import CallerError, StoreCorrupt, StoreUnavailable
from heartbeat.model import DAY, HOUR, MINUTE, NEVER, Change, Commit, Document
from heartbeat.store.dynamodb import DynamoDBStore
from heartbeat.store.dynamodb_call import ATTEMPTS_MAX, BATCH_MAX, Refused, boto3_call

STORED, STALE = Commit.STORED, Commit.STALE
THROTTLED = Refused("Any", "ThrottlingException", "slow down")
CONFLICT = Refused("TransactWriteItems", "TransactionCanceledException", "", ("None", "TransactionConflict"))


class Crash(BaseException):
    """The process ends here."""


class Wire:
    """The way to DynamoDB under test: notes every request; `before` may raise."""

    def __init__(self, call):
        self.call, self.sent, self.slept = call, [], []
        self.before = lambda *_request: None

    def __call__(self, operation, request):
        self.sent.append((operation, request))
        self.before(operation, request)
        return self.call(operation, request)

    def operations(self, store, *changes):
        """What committing these changes sends."""
        self.sent.clear()
        assert set(store.commit(changes)) == {STORED}
        return [operation for operation, _ in self.sent]

    def fail(self, error, times=NEVER, *operations):
        """Refuse the next so many requests (of these operations)."""
        left = [times]

        def before(operation, _request):
            if (not operations or operation in operations) and left[0]:
                left[0] -= 1
                raise error

        self.before = before


@pytest.fixture
def wire(call):
    return Wire(call)


@pytest.fixture
def store(wire):
    return DynamoDBStore("heartbeat", wire, sleep=wire.slept.append)


def items(call):
    return call("Scan", {"TableName": "heartbeat"})["Items"]


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

    def test_a_sweep_reads_the_minutes_since_the_last_and_what_is_due(self, wire, store):
        store.commit([new(f"job-{n}", n, due=T0 + n * MINUTE) for n in range(5)])
        wire.sent.clear()
        assert store.due(T0 + MINUTE, T0 + 3 * MINUTE, 10) == ["job-1", "job-2", "job-3"]
        assert [operation for operation, _ in wire.sent] == ["Query"] * 3 + ["BatchGetItem"]

    def test_every_read_is_strongly_consistent(self, wire, store):
        store.commit([new(), ping(deliveries=(delivery(),))])
        wire.sent.clear()
        store.load(["backup"]), store.load(["a", "b"]), store.page("", 9), store.slug_of("x")
        store.due(T0, T0 + HOUR, 9), store.due(0, T0, 9), store.history("backup", 9, T0), store.outbox(T0, 9)
        store.deliveries("i-1"), store.document("clock")
        for operation, request in wire.sent:
            asked = request["RequestItems"]["heartbeat"] if operation == "BatchGetItem" else request
            assert asked["ConsistentRead"] is True, operation


class TestRefusals:
    def test_throttling_is_waited_out(self, wire, store):
        wire.fail(THROTTLED, 3)
        assert store.commit([new()]) == [STORED]
        assert len(wire.slept) == 3

    @pytest.mark.parametrize("read", [lambda s: s.load(["a"]), lambda s: s.due(T0, T0, 1), lambda s: s.outbox(T0, 1)])
    def test_waiting_is_bounded(self, wire, store, read):
        wire.fail(THROTTLED)
        with pytest.raises(StoreUnavailable, match="DynamoDB refused Any: ThrottlingException: slow down; try again"):
            read(store)
        assert len(wire.sent) == ATTEMPTS_MAX
        assert sum(wire.slept) <= 6.5

    def test_a_conflict_is_tried_again(self, wire, store):
        wire.fail(CONFLICT, 2, "TransactWriteItems")
        assert store.commit([new()]) == [STORED]
        assert len(wire.slept) == 2

    @pytest.mark.parametrize("error", [CONFLICT, Refused("UpdateItem", "TransactionConflictException")])
    def test_a_conflict_that_does_not_end_is_stale(self, wire, store, error):
        store.commit([new()])
        wire.fail(error, NEVER, "UpdateItem", "TransactWriteItems")
        assert store.commit([ping(), ping(deliveries=(delivery(),))]) == [STALE, STALE]

    def test_a_condition_is_not_tried_again(self, wire, store):
        store.commit([new()])
        assert store.commit([ping(expected=5), ping(expected=5, deliveries=(delivery(),))]) == [STALE, STALE]
        assert wire.slept == []

    def test_losing_between_read_and_write_is_stale(self, wire, store):
        store.commit([new(), Change(deliveries=(delivery("a"),))])

        def overtake(operation, _request):
            if operation == "TransactWriteItems":
                wire.before = lambda *_request: None
                assert DynamoDBStore("heartbeat", wire.call).commit([ping()]) == [STORED]

        wire.before = overtake
        assert store.commit([ping(deliveries=(delivery("b"), delivery("a", 2)))]) == [STALE]
        assert store.deliveries("i-1") == [delivery("a")]
        assert store.outbox(T0, 9) == [delivery("a")]

    def test_an_attempt_that_is_repeated_has_the_same_token(self, wire, store):
        wire.fail(Refused("Any", "Unreachable", "reset"), 2, "TransactWriteItems")
        store.commit([new("a", 1), new("b", 2)])
        tokens = [
            request["ClientRequestToken"] for operation, request in wire.sent if operation == "TransactWriteItems"
        ]
        assert len(tokens) == 4
        assert tokens[0] == tokens[1] == tokens[2] != tokens[3]

    @pytest.mark.parametrize(
        ("code", "remedy"),
        [
            ("ResourceNotFoundException", "check the table's name"),
            ("AccessDeniedException", "give this role the right"),
            ("ValidationException", "see the message"),
        ],
    )
    def test_what_will_not_pass_is_told_at_once(self, wire, store, code, remedy):
        wire.fail(Refused("GetItem", code, "no"))
        with pytest.raises(StoreUnavailable, match=f"DynamoDB refused GetItem: {code}: no; {remedy}"):
            store.load(["backup"])
        assert len(wire.sent) == 1

    def test_a_missing_table_through_boto3(self, client):
        store = DynamoDBStore("nothing", boto3_call(client))
        with pytest.raises(StoreUnavailable, match=r"ResourceNotFoundException: .*check the table's name"):
            store.load(["backup"])

    def test_no_network_through_boto3(self):
        def broken(**_request):
            from botocore.exceptions import EndpointConnectionError  # noqa: PLC0415 - as in the code under test

            raise EndpointConnectionError(endpoint_url="https://dynamodb.example.com")

        class Broken:
            get_item = staticmethod(broken)

        store = DynamoDBStore("heartbeat", boto3_call(Broken()), sleep=lambda _seconds: None)
        with pytest.raises(StoreUnavailable, match=r"Unreachable: .*check the network"):
            store.load(["backup"])


class TestPieces:
    """Answers come in pieces of any size."""

    def test_queries_of_one_item_a_page(self, wire, store):
        def small(operation, request):
            if operation == "Query":
                request["Limit"] = 1

        changes = [new(f"job-{n}", n, due=T0 + n) for n in range(5)]
        entries = tuple(entry("job-0", 2, slot=T0 + n) for n in range(3))
        told = tuple(delivery(f"d{n}", next_at=T0 + n) for n in range(4))
        store.commit([*changes, replace(ping("job-0"), entries=entries, deliveries=told), ping("job-0", 2)])
        wire.before = small
        assert len(store.page("", 9)) == 5
        assert len(store.page("job-1", 2)) == 2
        assert store.due(T0, T0 + 9, 9) == [f"job-{n}" for n in range(5)]
        assert [found.n for found in store.history("job-0", 9)] == [3, 2, 2, 2]
        assert len(store.history("job-0", 9, T0 + 1)) == 1
        assert len(store.outbox(T0 + 9, 9)) == len(store.deliveries("i-1")) == 4

    def test_batches_that_leave_keys_unprocessed(self, wire, store):
        store.commit([new(f"job-{n}", n, due=T0) for n in range(5)])

        def one_key(operation, request):
            answer = wire(operation, request)
            if operation != "BatchGetItem":
                return answer
            keys = request["RequestItems"]["heartbeat"]["Keys"]
            first = wire(operation, {"RequestItems": {"heartbeat": {"Keys": keys[:1], "ConsistentRead": True}}})
            rest = {"heartbeat": {"Keys": keys[1:], "ConsistentRead": True}} if keys[1:] else {}
            return {**first, "UnprocessedKeys": rest}

        slow = DynamoDBStore("heartbeat", one_key, sleep=wire.slept.append)
        assert len(slow.load([f"job-{n}" for n in range(5)])) == 5
        assert len(slow.due(T0, T0, 9)) == 5
        with pytest.raises(StoreUnavailable, match="keys were left unprocessed"):
            slow.load([f"job-{n}" for n in range(50)])


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
            assert set(other.due(T0, now, 9)) == {found.job.slug for found in jobs if found.due <= now}
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
        assert other.due(T0, T0 + 4 * MINUTE, 9) == []
        assert other.due(T0, T0 + 5 * MINUTE, 9) == ["backup"]
        assert other.commit([ping(due=T0 + MINUTE)]) == [STORED]
        assert other.due(T0, T0 + MINUTE, 9) == ["backup"]

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
        assert store.due(T0, T0 + MINUTE, 1) == ["job-5"]
        store.commit([Change(slug="job-5", expected=1, due=T0 + HOUR)])
        assert store.due(T0, T0 + MINUTE, 1) == []

    def test_more_shards_find_the_rows_of_fewer(self, call):
        DynamoDBStore("heartbeat", call, shards=1).commit([new(f"job-{n}", n, due=T0) for n in range(9)])
        DynamoDBStore("heartbeat", call, shards=1).commit([Change(deliveries=(delivery(),))])
        wider = DynamoDBStore("heartbeat", call, shards=4)
        assert len(wider.due(T0, T0, 99)) == 9
        assert wider.outbox(T0, 9) == [delivery()]
        wider.commit([Change(deliveries=(sent(),))])
        assert wider.outbox(T0, 9) == []

    def test_a_gap_longer_than_the_wheel_is_read_goes_through_all_jobs(self, wire, store):
        store.commit([new(f"job-{n}", n, due=T0 + n * HOUR) for n in range(9)])
        wire.sent.clear()
        assert store.due(T0 - 30 * DAY, T0 + 2 * HOUR, 9) == ["job-0", "job-1", "job-2"]
        assert [operation for operation, _ in wire.sent] == ["Query", "BatchGetItem"]

    def test_a_checkpoint_in_the_future_hides_nothing_that_is_due_now(self, store):
        store.commit([new(due=T0)])
        assert store.due(T0 + DAY, T0 + 1, 9) == ["backup"]


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
            f"due#{T0 // MINUTE}#0": 3,
            "log#backup": 11,
            "incident#i-1": 10,
            "outbox#0": 10,
        }
        assert ("incident#i-1", "b") not in expires


class TestLimits:
    def test_a_change_of_too_many_parts_is_refused_whole(self, store):
        store.commit([new()])
        many = tuple(delivery(f"d{n}") for n in range(BATCH_MAX))
        with pytest.raises(
            CallerError, match=r"a change of 102 items is more than DynamoDB takes at once .100.: split it"
        ):
            store.commit([ping(deliveries=many)])
        assert store.outbox(T0, 9) == []
        assert store.load(["backup"])["backup"].state == state()

    @pytest.mark.parametrize(
        ("change", "what"),
        [
            (Change(documents=(Document(name="silences", version=1, value="日" * 70_000),)), "document 'silences'"),
            (Change(slug="backup", expected=1, job=job(description="x" * 190_000), state=state(2)), "definition of"),
            (Change(slug="backup", expected=1, state=state(2, pause_reason="x" * 190_000)), "the state"),
            (Change(deliveries=(delivery(error="x" * 190_000),)), "delivery 'one'"),
        ],
    )
    def test_what_is_too_large_for_an_item_is_refused(self, store, change, what):
        store.commit([new()])
        with pytest.raises(CallerError, match=f"{what}.* takes .* bytes; DynamoDB keeps 190000 of it at most: shorten"):
            store.commit([change])
        assert store.load(["backup"])["backup"].state == state()


class TestCorrupt:
    @pytest.mark.parametrize(
        ("pk", "broken", "match"),
        [
            (
                "job#backup",
                {"due": {"S": "soon"}},
                "item job#backup/job has no readable 'due'",
            ),
            ("job#backup", {"body": {"N": "1"}}, "item job#backup/job has no readable 'body'"),
            ("job#backup", {"job_state": {"S": "{"}}, "jobs.state 'backup': not JSON"),
            (
                "incident#i-1",
                {"body": {"S": "[7]"}},
                "deliveries 'one': format 7 is not known",
            ),
            ("document#clock", {"body": {"S": "}"}}, "documents 'clock': not JSON"),
        ],
    )
    def test_an_item_that_cannot_be_read_is_named(self, call, store, pk, broken, match):
        store.commit([new(), ping(deliveries=(delivery(),), documents=(Document(name="clock", version=1, value=1),))])
        (item,) = (item for item in items(call) if item["pk"]["S"] == pk)
        call("PutItem", {"TableName": "heartbeat", "Item": {**item, **broken}})
        with pytest.raises(StoreCorrupt, match=match):
            _ = (store.load(["backup"]), store.outbox(T0, 1), store.document("clock"))


def test_imports_neither_boto3_nor_botocore():
    code = (
        "import sys, heartbeat.store.dynamodb\n"
        "print(*(name for name in ('boto3', 'botocore', 'sqlite3') if name in sys.modules))"
    )
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
