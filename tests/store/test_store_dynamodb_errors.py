"""What the DynamoDB store makes of a world that throttles, conflicts, is away, or holds what cannot be read."""

import pytest
from msgspec.structs import replace
from store_samples import T0, delivery, due, entry, job, new, ping, state
from store_wire import items

from heartbeat.errors import CallerError, StoreCorrupt, StoreUnavailable
from heartbeat.model import NEVER, Change, Commit, Document
from heartbeat.store.dynamodb.call import ATTEMPTS_MAX, BATCH_MAX, Refused, boto3_call
from heartbeat.store.dynamodb.store import DynamoDBStore

STORED, STALE = Commit.STORED, Commit.STALE
THROTTLED = Refused("Any", "ThrottlingException", "slow down")
CONFLICT = Refused("TransactWriteItems", "TransactionCanceledException", "", ("None", "TransactionConflict"))


@pytest.fixture
def store(wire):
    return DynamoDBStore("heartbeat", wire, sleep=wire.slept.append)


class TestRefusals:
    def test_throttling_is_waited_out(self, wire, store):
        wire.fail(THROTTLED, 3)
        assert store.commit([new()]) == [STORED]
        assert len(wire.slept) == 3

    @pytest.mark.parametrize("read", [lambda s: s.load(["a"]), lambda s: due(s, T0, T0, 1), lambda s: s.outbox(T0, 1)])
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
        assert due(store, T0, T0 + 9, 9) == [f"job-{n}" for n in range(5)]
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
        assert len(due(slow, T0, T0, 9)) == 5
        with pytest.raises(StoreUnavailable, match="keys were left unprocessed"):
            slow.load([f"job-{n}" for n in range(50)])


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
        with pytest.raises(
            CallerError, match=f"{what}.* takes .* bytes; we keep at most 190000 of it in DynamoDB: shorten"
        ):
            store.commit([change])
        assert store.load(["backup"])["backup"].state == state()


class TestCorrupt:
    @pytest.mark.parametrize(
        ("pk", "broken", "match"),
        [
            ("job#backup", {"due": {"S": "soon"}}, "item job#backup/job has no readable 'due'"),
            ("job#backup", {"body": {"N": "1"}}, "item job#backup/job has no readable 'body'"),
            ("job#backup", {"job_state": {"S": "[1,"}}, "jobs.state 'backup': Input data was truncated"),
            ("incident#i-1", {"body": {"S": "[7]"}}, "deliveries 'one': format 7 is not known"),
            ("document#clock", {"body": {"S": "}"}}, "documents 'clock': JSON is malformed"),
        ],
    )
    def test_an_item_that_cannot_be_read_is_named(self, call, store, pk, broken, match):
        store.commit([new(), ping(deliveries=(delivery(),), documents=(Document(name="clock", version=1, value=1),))])
        (item,) = (item for item in items(call) if item["pk"]["S"] == pk)
        call("PutItem", {"TableName": "heartbeat", "Item": {**item, **broken}})
        with pytest.raises(StoreCorrupt, match=match):
            _ = (store.load(["backup"]), store.outbox(T0, 1), store.document("clock"))


def test_a_session_token_that_aws_repeats_is_not_shown(monkeypatch):
    monkeypatch.setenv("AWS_SESSION_TOKEN", "FwoGZXIvYXdzEBYaD/token+of=ours")
    said = "The Canonical String should have been 'POST\nx-amz-security-token:FwoGZXIvYXdzEBYaD/token+of=ours\n'"
    problem = Refused("GetItem", "InvalidSignatureException", said)
    assert "x-amz-security-token:…" in str(problem)
    assert "token+of" not in str(problem)
