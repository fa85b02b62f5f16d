"""The timer wheel: what it costs, and what it shows after everything that can happen between two requests."""

from threading import Barrier

import pytest
from meter import Meter, size
from store_samples import T0, delivery, due, entry, job, new, ping, sent, state
from store_wire import Crash, Wire, items

from heartbeat.core.definition import founding
from heartbeat.model import DAY, HOUR, MINUTE, NEVER, SECOND, Change, Commit, Job, Kind, Mark, Signal
from heartbeat.store.dynamodb.call import Refused
from heartbeat.store.dynamodb.parallel import Hands
from heartbeat.store.dynamodb.store import DynamoDBStore
from heartbeat.verbs.operate import pause_job, resume_job
from heartbeat.verbs.record import Recorder
from heartbeat.verbs.sweep import sweep

STORED, STALE = Commit.STORED, Commit.STALE


@pytest.fixture
def meter(call):
    return Meter(call)


@pytest.fixture
def store(meter):
    return DynamoDBStore("heartbeat", meter)


def success(at, ident=""):
    return Signal(slug="report", kind=Kind.SUCCESS, at=at, received=at, id=ident)


HOURLY = Job(
    slug="report",
    schedule=("0 * * * *",),
    timezone="Asia/Tokyo",
    grace=10 * MINUTE,
    max_runtime=30 * MINUTE,
    notify=("ops", "pager"),
    description="売上の集計 (sales of the last hour, by shop)",
    environment="production",
    owner="sales-team@example.com",
    runbook="https://wiki.example.com/runbooks/report",
    tags=("sales", "hourly"),
    source="jobs.yaml",
)


class TestBudget:
    """At most 3 write units a slot in all, 2 of them in the ping's path; at most 3 read units an idle sweep."""

    @pytest.mark.parametrize("warm", [True, False])
    def test_hours_of_an_hourly_job_that_is_well(self, meter, store, warm):
        store.commit([founding(HOURLY, T0 - HOUR)])
        recorder, sweeping = Recorder(store), store
        sweeping.outbox(T0, 1)  # what a new process reads once
        pinged, swept, idle = [], [], []
        for minute in range(6 * 60):
            now = T0 + minute * MINUTE
            if not warm:
                recorder, sweeping = Recorder(DynamoDBStore("heartbeat", meter)), DynamoDBStore("heartbeat", meter)
                sweeping.outbox(now, 1)
            meter.taken()
            if minute % 60 == 3:
                recorder.record([success(now, f"0d9cf9f0-5cd5-4a0a-9d1c-{minute:012}")])
                pinged.append(meter.taken()[0])
            sweep(sweeping, now + 30 * SECOND)
            written, read = meter.taken()
            swept.append(written - 1)  # one is the clock's own, each minute, however many jobs there are
            if minute % 60 not in {9, 10, 11, 12, 13}:
                idle.append(read)
        assert pinged == [2] * 6
        assert sum(pinged) + sum(swept) <= 3 * 6
        assert max(idle) <= 3
        assert store.load(["report"])["report"].state.status == "up"

    def test_weeks_later_the_job_still_fits_a_kilobyte(self, call, store):
        store.commit([founding(HOURLY, T0 - HOUR)])
        recorder = Recorder(store)
        for hour in range(120):
            recorder.record([success(T0 + hour * HOUR, f"0d9cf9f0-5cd5-4a0a-9d1c-{hour:012}")])
        (item,) = (each for each in items(call) if each["pk"]["S"] == "job#report")
        assert size(item) <= 1024

    def test_an_empty_sweep_reads_one_or_two_partitions(self, meter, store):
        due(store, T0, T0, 10)
        for minute in range(30):
            meter.sent.clear()
            due(store, T0 + (minute - 3) * MINUTE, T0 + minute * MINUTE, 10)
            assert {operation for operation, _ in meter.sent} == {"Query"}
            assert len(meter.sent) <= 2


class TestPush:
    """A row whose job was met before its time."""

    def test_it_moves_to_where_the_job_must_be_looked_at(self, call, store):
        store.commit([new(due=T0 + 5 * MINUTE)])
        store.commit([ping(look=T0 + HOUR)])
        assert store.load(["backup"])["backup"].due == T0 + HOUR
        assert due(store, T0, T0 + 5 * MINUTE, 9) == []
        cold = DynamoDBStore("heartbeat", call)
        assert due(cold, T0 + 5 * MINUTE, T0 + HOUR, 9) == ["backup"]

    def test_who_goes_on_from_the_mark_pushes_a_row_once(self, call, meter):
        DynamoDBStore("heartbeat", call).commit([new(due=T0), ping(look=T0 + HOUR)])
        mark = Mark(at=T0 - MINUTE)
        for minute in range(3):
            answer = DynamoDBStore("heartbeat", meter).due(mark, T0 + minute * MINUTE + 1, 9)
            mark = answer.reached
        assert [operation for operation, _ in meter.sent].count("PutItem") == 1

    def test_what_is_never_due_is_not_pushed(self, call, store):
        store.commit([new(due=T0), ping(look=NEVER)])
        assert due(store, T0, T0 + MINUTE, 9) == []
        assert [item["sk"]["S"] for item in items(call) if item["pk"]["S"].startswith("due#")] == ["000000#backup"]

    def test_a_start_that_must_be_looked_at_earlier_writes_its_own_row(self, store):
        store.commit([new(due=T0 + 5 * MINUTE), ping(look=T0 + DAY)])
        assert due(store, T0, T0 + 5 * MINUTE, 9) == []
        store.commit([ping(expected=2, due=T0 + 20 * MINUTE, look=T0 + 20 * MINUTE)])
        assert due(store, T0 + 5 * MINUTE, T0 + 20 * MINUTE, 9) == ["backup"]

    def test_a_ping_between_the_read_and_the_push_leaves_a_row_too_many(self, call, store):
        store.commit([new(due=T0), ping(look=T0 + HOUR)])
        other = DynamoDBStore("heartbeat", call)

        class Racing(Wire):
            def __call__(self, operation, request):
                if operation == "PutItem" and "due#" in request["Item"]["pk"]["S"]:
                    other.commit([ping(expected=2, look=T0 + 2 * HOUR)])
                return super().__call__(operation, request)

        racing = DynamoDBStore("heartbeat", Racing(call))
        assert due(racing, T0, T0 + MINUTE, 9) == []
        assert due(racing, T0 + MINUTE, T0 + HOUR, 9) == []
        assert due(racing, T0 + HOUR, T0 + 2 * HOUR, 9) == ["backup"]

    def test_a_crash_before_the_push_leaves_the_old_row(self, call, meter, store):
        store.commit([new(due=T0), ping(look=T0 + HOUR)])

        def die(operation, _request):
            if operation == "PutItem":
                raise Crash

        meter.before = die
        with pytest.raises(Crash):
            due(store, T0, T0 + MINUTE, 9)
        cold = DynamoDBStore("heartbeat", call)
        assert due(cold, T0, T0 + MINUTE, 9) == []
        assert due(cold, T0 + MINUTE, T0 + HOUR, 9) == ["backup"]

    def test_two_checkers_at_once_leave_one_row(self, call):
        one, other = DynamoDBStore("heartbeat", call), DynamoDBStore("heartbeat", call)
        one.commit([new(due=T0), ping(look=T0 + HOUR)])
        assert (due(one, T0, T0, 9), due(other, T0, T0, 9)) == ([], [])
        assert due(other, T0 + 1, T0 + HOUR, 9) == ["backup"]

    def test_a_job_that_was_removed_and_made_anew_is_due_by_its_own_row(self, store):
        store.commit([new(due=T0), ping(look=T0 + HOUR)])
        assert due(store, T0, T0, 9) == []
        store.commit([Change(slug="backup", expected=2, remove=True)])
        store.commit([new(due=T0 + 30 * MINUTE)])
        assert due(store, T0 + 1, T0 + 30 * MINUTE, 9) == ["backup"]
        assert due(store, T0 + 1, T0 + 10 * MINUTE, 9) == []

    def test_a_paused_job_comes_back_when_it_is_resumed(self, store):
        store.commit([founding(HOURLY, T0 - HOUR)])
        pause_job(store, "report", T0)
        assert sweep(store, T0 + 20 * MINUTE).judged == 0
        resume_job(store, "report", T0 + 30 * MINUTE)
        assert due(store, T0, T0 + HOUR + 10 * MINUTE, 9) == ["report"]

    def test_rows_of_many_jobs_are_pushed_in_batches(self, meter, store):
        store.commit([new(f"job-{n}", n, due=T0) for n in range(60)])
        store.commit([ping(f"job-{n}", look=T0 + HOUR) for n in range(60)])
        meter.sent.clear()
        assert due(store, T0, T0 + MINUTE, 9) == []
        assert [operation for operation, _ in meter.sent].count("BatchWriteItem") == 3
        assert len(due(store, T0 + MINUTE, T0 + HOUR, 99)) == 60


class TestMark:
    """How far a search has come, whoever goes on with it."""

    def walk(self, call, limit, mark=None, **more):
        """All that is due within the hour, found by searches that each begin where the last one ended."""
        mark, found = mark or Mark(at=T0 - MINUTE), []
        for _ in range(50):
            answer = DynamoDBStore("heartbeat", call, **more).due(mark, T0 + HOUR, limit)
            found.append(answer.slugs)
            mark = answer.reached
            if not answer.more:
                break
        assert mark == Mark(at=T0 + HOUR)
        return found

    @pytest.mark.parametrize("shards", [1, 3])
    def test_jobs_due_at_the_very_same_instant_are_met_once_each(self, call, shards):
        store = DynamoDBStore("heartbeat", call, shards=shards)
        names = [f"job-{n}" for n in range(9)] + ["job", "job-10", "a_b", "a-b", "a"]
        store.commit([new(slug, n, due=T0) for n, slug in enumerate(names)])
        found = self.walk(call, 4, shards=shards)
        assert sorted(slug for some in found for slug in some) == sorted(names)
        assert max(map(len, found)) == 4

    def test_rows_that_are_pushed_on_count_too(self, call, monkeypatch):
        monkeypatch.setattr("heartbeat.store.dynamodb.due.LOOK_MAX", 5)
        store = DynamoDBStore("heartbeat", call)
        store.commit([new(f"job-{n:02}", n, due=T0 + n) for n in range(20)])
        store.commit([ping(f"job-{n:02}", look=T0 + DAY) for n in range(20) if n != 13])
        assert self.walk(call, 9) == [(), (), ("job-13",), (), ()]
        rows = [item["sk"]["S"] for item in items(call) if item["pk"]["S"] == f"due#{(T0 + DAY) // (10 * MINUTE)}#0"]
        assert len(rows) == 19

    def test_after_a_long_gap_all_jobs_are_gone_through_once(self, call, meter):
        store = DynamoDBStore("heartbeat", call)
        store.commit([new(f"job-{n}", n, due=T0 + n * MINUTE) for n in range(9)])
        store.commit([ping(f"job-{n}", look=T0 + DAY) for n in (2, 5)])
        found = self.walk(meter, 3, Mark(at=T0 - DAY))
        assert [slug for some in found for slug in some] == [f"job-{n}" for n in range(9) if n not in {2, 5}]
        assert [operation for operation, _ in meter.sent].count("BatchGetItem") <= len(found)
        assert due(store, T0 + DAY - MINUTE, T0 + DAY, 99) == ["job-2", "job-5"]  # their old rows were never read

    def test_what_is_written_while_all_jobs_are_gone_through_is_read_afterwards(self, call):
        store = DynamoDBStore("heartbeat", call)
        store.commit([new(f"job-{n}", n, due=T0) for n in range(4)])
        first = store.due(Mark(at=T0 - DAY), T0 + HOUR, 2)
        assert (first.slugs, first.more) == (("job-0", "job-1"), True)
        store.commit([Change(slug="job-0", expected=1, due=T0 + HOUR + MINUTE)])
        second = store.due(first.reached, T0 + HOUR + 5 * MINUTE, 9)
        assert (second.slugs, second.more, second.reached) == (("job-2", "job-3"), True, Mark(at=T0 + HOUR))
        assert store.due(second.reached, T0 + HOUR + 5 * MINUTE, 9).slugs == ("job-0",)

    def test_a_row_is_never_written_where_a_sweep_may_have_been(self, call):
        clock = [T0]
        store = DynamoDBStore("heartbeat", call, clock=lambda: clock[0])
        store.commit([new(due=T0 - HOUR)])
        swept = store.due(Mark(at=T0 - MINUTE), T0 + 20 * SECOND, 9)
        assert swept.slugs == ()
        assert store.due(swept.reached, T0 + MINUTE, 9).slugs == ("backup",)


class TestHands:
    """Several requests at the same time."""

    def test_the_changes_of_one_job_stay_in_their_order(self):
        done = []
        hands = Hands(4)
        changes = [ping(slug, expected) for expected in range(1, 30) for slug in ("a", "b", "c")]
        answers = hands.each_change(lambda change: done.append((change.slug, change.expected)) or change, changes)
        assert answers == changes
        for slug in ("a", "b", "c"):
            assert [expected for name, expected in done if name == slug] == list(range(1, 30))

    def test_they_work_at_the_same_time(self):
        gate = Barrier(4)
        assert Hands(4).each(lambda number: (gate.wait(10), number)[1], range(4)) == [0, 1, 2, 3]

    def test_what_one_raises_is_raised(self):
        def fail(number):
            if number == 2:
                raise Refused("PutItem", "AccessDeniedException")
            return number

        for count in (1, 4):
            with pytest.raises(Refused):
                Hands(count).each(fail, range(4))


class TestLostAnswer:
    """An attempt that was made, and whose answer was lost, is made again."""

    def test_it_is_known_by_its_nonce(self, call):
        lost = []

        class Losing(Wire):
            def __call__(self, operation, request):
                answer = super().__call__(operation, request)
                if operation == "UpdateItem" and not lost:
                    lost.append(operation)
                    raise Refused(operation, "Unreachable", "the connection broke")
                return answer

        losing = DynamoDBStore("heartbeat", Losing(call), sleep=lambda _seconds: None)
        losing.commit([new()])
        assert losing.commit([ping()]) == [STORED]
        assert lost == ["UpdateItem"]
        assert [found.n for found in losing.history("backup", 9)] == [2]

    def test_another_commit_of_the_same_is_stale(self, store):
        store.commit([new()])
        assert store.commit([ping(), ping()]) == [STORED, STALE]


def test_a_line_of_history_that_is_throttled_is_written_by_the_next_commit(call):
    throttled = [True]

    class Throttling(Wire):
        def __call__(self, operation, request):
            if throttled[0] and operation == "PutItem" and request["Item"]["pk"]["S"].startswith("log#"):
                raise Refused(operation, "ProvisionedThroughputExceededException", "slow down")
            return super().__call__(operation, request)

    store = DynamoDBStore("heartbeat", Throttling(call), sleep=lambda _seconds: None)
    store.commit([new()])
    assert store.commit([ping()]) == [STORED]
    assert store.history("backup", 9) == []
    throttled[0] = False
    assert store.commit([ping(expected=2)]) == [STORED]
    assert [line.n for line in store.history("backup", 9)] == [3, 2]


class TestShards:
    @pytest.mark.parametrize("later", [1, 2, 4])
    def test_rows_of_more_shards_are_found_by_whoever_is_set_to_fewer_later(self, call, later):
        wide = DynamoDBStore("heartbeat", call, shards=4)
        assert due(wide, T0, T0, 9) == []
        wide.commit([new(f"job-{n}", n, due=T0) for n in range(9)])
        wide.commit([Change(deliveries=(delivery(),))])
        fewer = DynamoDBStore("heartbeat", call, shards=later)
        assert len(due(fewer, T0, T0, 99)) == 9
        assert fewer.outbox(T0, 9) == [delivery()]
        fewer.commit([Change(deliveries=(sent(),))])
        assert fewer.outbox(T0, 9) == []

    def test_the_largest_count_is_kept(self, call):
        for shards in (2, 4, 3, 1):
            due(DynamoDBStore("heartbeat", call, shards=shards), T0, T0, 1)
        assert [item["shards"] for item in items(call) if item["pk"]["S"] == "wheel"] == [{"N": "4"}]

    def test_one_shard_announces_nothing(self, call, store):
        due(store, T0, T0, 1)
        assert items(call) == []


class TestScrub:
    def test_a_row_that_is_gone_is_written(self, call, store):
        store.commit([new(f"job-{n}", n, due=T0 + HOUR) for n in range(5)])
        for item in items(call):
            if item["sk"]["S"].endswith(("#job-1", "#job-3")):
                call("DeleteItem", {"TableName": "heartbeat", "Key": {name: item[name] for name in ("pk", "sk")}})
        assert due(store, T0, T0 + HOUR, 9) == ["job-0", "job-2", "job-4"]
        found = store.scrub("", T0, 3)
        assert (found.last, found.written) == ("job-2", 1)
        found = store.scrub(found.last, T0, 3)
        assert (found.last, found.written) == ("", 1)
        assert len(due(store, T0, T0 + HOUR, 9)) == 5

    def test_what_should_have_been_looked_at_long_ago_comes_with_the_next_sweep(self, call, store):
        store.commit([new(due=T0)])
        for item in items(call):
            if item["pk"]["S"].startswith("due#"):
                call("DeleteItem", {"TableName": "heartbeat", "Key": {name: item[name] for name in ("pk", "sk")}})
        assert due(store, T0 + HOUR, T0 + 2 * HOUR, 9) == []
        store.scrub("", T0 + 2 * HOUR, 9)
        assert due(store, T0 + 2 * HOUR - MINUTE, T0 + 2 * HOUR + MINUTE, 9) == ["backup"]

    def test_jobs_that_are_never_due_need_no_row(self, call, store):
        store.commit([new(due=NEVER)])
        assert store.scrub("", T0, 9).written == 0
        assert not any(item["pk"]["S"].startswith("due#") for item in items(call))


def test_items_left_unprocessed_are_sent_again(call):
    class Half(Wire):
        """DynamoDB takes half of what it is given."""

        def __call__(self, operation, request):
            if operation != "BatchWriteItem":
                return super().__call__(operation, request)
            wanted = request["RequestItems"]["heartbeat"]
            half = (len(wanted) + 1) // 2
            super().__call__(operation, {"RequestItems": {"heartbeat": wanted[:half]}})
            return {"UnprocessedItems": {"heartbeat": wanted[half:]} if wanted[half:] else {}}

    slept = []
    store = DynamoDBStore("heartbeat", Half(call), sleep=slept.append)
    store.commit([new(f"job-{n}", n, due=T0) for n in range(30)])
    store.commit([ping(f"job-{n}", look=T0 + HOUR) for n in range(30)])
    assert due(store, T0, T0 + MINUTE, 9) == []
    assert len(due(store, T0 + MINUTE, T0 + HOUR, 99)) == 30
    assert len(slept) >= 4


def test_items_that_are_never_processed_are_an_error(call):
    class Never(Wire):
        def __call__(self, operation, request):
            if operation == "BatchWriteItem":
                return {"UnprocessedItems": request["RequestItems"]}
            return super().__call__(operation, request)

    store = DynamoDBStore("heartbeat", Never(call), sleep=lambda _seconds: None)
    store.commit([new(f"job-{n}", n, due=T0) for n in range(2)])
    store.commit([ping(f"job-{n}", look=T0 + HOUR) for n in range(2)])
    with pytest.raises(Refused, match="items were left unprocessed"):
        due(store, T0, T0 + MINUTE, 9)


def test_a_signal_far_behind_puts_its_row_where_a_sweep_still_comes_by(store):
    store.commit([new(due=T0 + DAY)])
    heard = entry(at=T0, slot=T0)
    late = Change(slug="backup", expected=1, state=state(2), entries=(heard,), due=T0 - DAY, look=T0 - DAY)
    assert store.commit([late]) == [STORED]
    assert due(store, T0, T0 + MINUTE, 9) == ["backup"]
    assert store.load(["backup"])["backup"].job == job()
