"""Events and evidence in S3 through the whole: intake, record, sweep. Time stands where the story says."""

import json
from datetime import UTC, datetime

import boto3
import pytest
from event_samples import sample
from freezegun import freeze_time
from moto import mock_aws

from heartbeat.core.definition import founding
from heartbeat.errors import WorldError
from heartbeat.ingest.evidence import look
from heartbeat.ingest.intake import Intake
from heartbeat.ingest.s3 import S3Bucket
from heartbeat.model import Event, Evidence, Job, Kind, Source, Verdict
from heartbeat.store.sqlite.store import SQLiteStore
from heartbeat.verbs.record import Recorded, Recorder
from heartbeat.verbs.sweep import sweep

MINUTE = 60_000
DAILY = "backup/{date:%Y-%m-%d}/dump.sql.gz"
BLIND_ONLY = [Event.BLIND]


def at(text):
    return round(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


class Shore:
    """A bucket, a store, jobs, and what comes in."""

    def __init__(self, client, *, born="2026-11-20T00:00", key=DAILY, schedule="0 18 * * *", zone="UTC", **more):
        evidence = Evidence(key=key, bucket=more.pop("bucket", ""), min_size=more.pop("min_size", 0))
        self.job = Job(
            slug="backup", schedule=(schedule,), timezone=zone, notify=("ops",), evidence=evidence,
            **{"grace": 10 * MINUTE, **more},
        )  # fmt: skip
        self.client, self.store = client, SQLiteStore(":memory:")
        self.store.commit([founding(self.job, at(born))])
        self.bucket = S3Bucket("ours")
        self.intake = Intake([self.job], self.bucket, "ours")
        self.sweep(born)

    def put(self, key, when, body=b"x" * 100, bucket="ours"):
        with freeze_time(when):
            self.client.put_object(Bucket=bucket, Key=key, Body=body)

    def hear(self, key, now, bucket="ours"):
        event = sample("s3-created")
        event["detail"]["bucket"]["name"], event["detail"]["object"]["key"] = bucket, key
        return self.take(event, now)

    def take(self, event, now):
        heard = self.intake.hear(event, self.store.load, at(now))
        return heard, Recorder(self.store).record(heard.signals)

    def sweep(self, *times):
        for time in times:
            while sweep(self.store, at(time), service=("ops",), evidence=look(self.bucket)).more:
                pass

    def alive(self, start, end):
        for instant in range(at(start), at(end) + 1, 4 * MINUTE):
            sweep(self.store, instant, service=("ops",), evidence=look(self.bucket))

    @property
    def snapshot(self):
        return self.store.load(["backup"])["backup"]

    def told(self):
        return [delivery.alert.event for delivery in self.store.outbox(1 << 52, 100)]

    def entries(self):
        return self.store.history("backup", 1000)

    def verdicts(self):
        newest_last = {entry.slot: str(entry.verdict) for entry in reversed(self.entries()) if entry.slot}
        return {datetime.fromtimestamp(s / 1000, UTC).strftime("%dT%H"): each for s, each in newest_last.items()}


@pytest.fixture
def shore(monkeypatch):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    with mock_aws():
        client = boto3.client("s3")
        for bucket in ("ours", "theirs"):
            client.create_bucket(Bucket=bucket)
        yield lambda **more: Shore(client, **more)


KEY = "backup/2026-11-20/dump.sql.gz"


def test_an_event_is_a_success_at_once_and_the_sweep_adds_nothing(shore):
    s = shore(born="2026-11-20T17:50")
    s.alive("2026-11-20T17:54", "2026-11-20T18:02")
    s.put(KEY, "2026-11-20T18:03")
    heard, answers = s.hear(KEY, "2026-11-20T18:04")
    assert (answers, heard.odd, heard.missing, heard.strangers) == ([Recorded.STORED], (), (), 0)
    assert s.snapshot.state.last_success == at("2026-11-20T18:03")
    s.alive("2026-11-20T18:06", "2026-11-20T19:00")
    assert s.told() == []
    assert s.verdicts() == {"20T18": Verdict.ON_TIME}
    assert len(s.entries()) == 1


def test_a_lost_event_is_made_good_by_the_sweep_and_a_late_or_doubled_one_changes_nothing(shore):
    s = shore(born="2026-11-20T17:50")
    s.put(KEY, "2026-11-20T18:03")
    s.alive("2026-11-20T17:54", "2026-11-20T18:30")
    before = s.snapshot, s.entries()
    assert s.verdicts() == {"20T18": Verdict.ON_TIME}
    for now in ("2026-11-20T18:31", "2026-11-20T18:31", "2026-11-21T12:00"):
        assert s.hear(KEY, now)[1] == [Recorded.SEEN]
    assert (s.snapshot, s.entries()) == before
    assert s.told() == []


def test_event_and_sweep_give_the_very_same_signal(shore):
    s = shore(born="2026-11-20T17:50")
    s.put(KEY, "2026-11-20T18:03")
    now = at("2026-11-20T18:10")
    event = sample("s3-notification")
    event["Records"][0]["s3"]["bucket"]["name"] = "ours"
    event["Records"][0]["s3"]["object"]["key"] = KEY
    (signal,) = s.intake.hear(event, s.store.load, now).signals
    assert (signal,) == look(s.bucket)(s.snapshot, [at("2026-11-20T18:00")], now)


def test_after_an_outage_the_gap_is_looked_at_again_before_anybody_is_told(shore):
    s = shore(key="{date:%Y-%m-%dT%H}.gz", schedule="0 * * * *", born="2026-11-20T08:30")
    s.alive("2026-11-20T08:31", "2026-11-20T08:55")
    for hour in range(9, 16):
        s.put(f"2026-11-20T{hour:02}.gz", f"2026-11-20T{hour:02}:04")
    s.sweep("2026-11-20T15:30")
    assert s.verdicts() == {f"20T{hour:02}": Verdict.ON_TIME for hour in range(9, 16)}
    assert s.told() == BLIND_ONLY


def test_what_is_missing_after_an_outage_is_unknown_and_what_comes_late_by_event_mends_it(shore):
    s = shore(key="{date:%Y-%m-%dT%H}.gz", schedule="0 * * * *", born="2026-11-20T08:30")
    for hour in (9, 10, 12):
        s.put(f"2026-11-20T{hour:02}.gz", f"2026-11-20T{hour:02}:04")
    s.sweep("2026-11-20T12:30")
    assert s.verdicts() == {
        "20T09": Verdict.ON_TIME,
        "20T10": Verdict.ON_TIME,
        "20T11": Verdict.UNKNOWN,
        "20T12": Verdict.ON_TIME,
    }
    assert s.told() == BLIND_ONLY
    s.put("2026-11-20T11.gz", "2026-11-20T12:40")
    s.hear("2026-11-20T11.gz", "2026-11-20T12:41")
    assert s.verdicts()["20T11"] == Verdict.LATE
    assert s.told() == BLIND_ONLY


def test_an_object_that_is_too_small_is_a_failed_run_and_the_whole_one_recovers(shore):
    s = shore(min_size=1_000, born="2026-11-20T17:50")
    s.alive("2026-11-20T17:54", "2026-11-20T18:02")
    s.put(KEY, "2026-11-20T18:03", b"half")
    s.hear(KEY, "2026-11-20T18:04")
    assert s.told() == [Event.OPENED]
    assert s.entries()[0].remark == "the evidence has 4 bytes; min_size is 1000"
    s.sweep("2026-11-20T18:06", "2026-11-20T18:11")
    s.put(KEY, "2026-11-20T18:12", b"x" * 2_000)
    s.hear(KEY, "2026-11-20T18:12:30")
    assert s.told() == [Event.OPENED, Event.RECOVERED]


def test_back_fill_of_an_old_date_belongs_to_the_old_slot(shore):
    s = shore(born="2026-11-20T17:46")
    s.put("backup/2026-11-21/dump.sql.gz", "2026-11-21T18:03")
    s.alive("2026-11-20T17:50", "2026-11-20T18:20")
    assert s.told() == [Event.OPENED]
    s.alive("2026-11-20T18:22", "2026-11-21T18:30")
    assert s.told() == [Event.OPENED, Event.RECOVERED]
    s.put(KEY, "2026-11-22T09:00")
    s.hear(KEY, "2026-11-22T09:01")
    assert s.verdicts() == {"20T18": Verdict.LATE, "21T18": Verdict.ON_TIME}
    assert s.told() == [Event.OPENED, Event.RECOVERED]


def test_late_evidence_ends_an_incident_as_soon_as_its_event_comes(shore):
    s = shore(born="2026-11-20T17:50")
    s.alive("2026-11-20T17:54", "2026-11-20T18:14")
    s.put(KEY, "2026-11-20T18:14:30")
    s.hear(KEY, "2026-11-20T18:14:40")
    assert s.told() == [Event.OPENED, Event.RECOVERED]
    assert s.entries()[0].at == at("2026-11-20T18:14:30")


def test_each_object_of_an_hourly_job_with_a_daily_key_is_the_latest_runs(shore):
    s = shore(key="{date:%Y-%m-%d}.txt", schedule="0 * * * *", born="2026-11-20T08:30")
    for hour in (9, 10, 11):
        s.put("2026-11-20.txt", f"2026-11-20T{hour:02}:04")
        s.hear("2026-11-20.txt", f"2026-11-20T{hour:02}:05")
    assert s.verdicts() == {f"20T{hour:02}": Verdict.ON_TIME for hour in (9, 10, 11)}
    s.alive("2026-11-20T11:08", "2026-11-20T11:40")
    assert Event.OPENED not in s.told()


def test_evidence_of_every_is_a_heartbeat(shore):
    s = shore(key="{date:%Y-%m-%d}.txt", schedule="every 1h", born="2026-11-20T23:30")
    s.put("2026-11-20.txt", "2026-11-20T23:59")
    (signal,) = s.hear("2026-11-20.txt", "2026-11-21T00:01")[0].signals
    assert (signal.named, s.snapshot.state.cursor) == ("", at("2026-11-20T23:59"))
    assert s.hear("2026-11-20.txt", "2026-11-21T00:02")[0].signals == ()


def test_every_is_found_by_the_sweep_when_it_came_before_midnight_and_the_event_was_lost(shore):
    s = shore(key="{date:%Y-%m-%d}.txt", schedule="every 1h", born="2026-11-20T23:30")
    s.put("2026-11-20.txt", "2026-11-20T23:59")
    s.alive("2026-11-20T23:34", "2026-11-21T00:46")
    assert s.told() == []
    assert s.snapshot.state.cursor == at("2026-11-20T23:59")


def test_json_evidence_says_how_the_run_went(shore):
    s = shore(key="{date:%Y-%m-%d}.json", born="2026-11-20T17:50")
    body = json.dumps({"status": "fail", "exit_status": 3, "duration": 2.5, "message": "ディスク"}).encode()
    s.put("2026-11-20.json", "2026-11-20T18:03", body)
    (signal,) = s.hear("2026-11-20.json", "2026-11-20T18:04")[0].signals
    assert (signal.kind, signal.exit_status, signal.duration, signal.body) == (Kind.FAIL, 3, 2_500, "ディスク")
    assert s.told() == [Event.OPENED]


def test_a_bucket_of_another_team(shore):
    s = shore(bucket="theirs", born="2026-11-20T17:50")
    s.put(KEY, "2026-11-20T18:03", bucket="theirs")
    assert s.hear(KEY, "2026-11-20T18:04", bucket="ours")[0].strangers == 1
    assert s.hear(KEY, "2026-11-20T18:04", bucket="theirs")[1] == [Recorded.STORED]


def test_an_object_that_is_gone_or_of_no_slot_says_nothing(shore):
    s = shore(born="2026-11-20T17:50")
    heard, _ = s.hear(KEY, "2026-11-20T18:04")
    assert (heard.signals, heard.odd, heard.strangers) == ((), (), 0)
    s.put("backup/2026-11-25/dump.sql.gz", "2026-11-20T18:03")
    heard, _ = s.hear("backup/2026-11-25/dump.sql.gz", "2026-11-20T18:04")
    assert (heard.signals, heard.odd, heard.strangers) == ((), (), 0)


@pytest.mark.parametrize("key", ["../" + KEY, "💥", "x" * 1024, KEY + "\0", KEY + "/", "backup//dump.sql.gz", "*"])
def test_a_hostile_key_is_a_stranger(shore, key):
    s = shore()
    heard, _ = s.hear(key, "2026-11-20T18:04")
    assert (heard.signals, heard.odd, heard.missing, heard.strangers) == ((), (), (), 1)


def test_a_job_that_the_store_does_not_have_yet_is_reported(shore):
    s = shore(born="2026-11-20T17:50")
    new = Job(slug="new", schedule=("0 18 * * *",), evidence=s.job.evidence)
    s.intake = Intake([s.job, new], s.bucket, "ours")
    s.put(KEY, "2026-11-20T18:03")
    heard, answers = s.hear(KEY, "2026-11-20T18:04")
    assert (heard.missing, answers) == (("new",), [Recorded.STORED])


def test_what_s3_refuses_is_said_and_does_not_cost_the_rest(shore):
    class Refusing(S3Bucket):
        def head(self, key):
            raise WorldError(f"S3 refuses {key[:6]}")

    s = shore(born="2026-11-20T17:50")
    task = Job(slug="task", schedule=("0 18 * * *",), sources=(Source(kind="ecs", keys=(("family", "nightly"),)),))
    s.store.commit([founding(task, at("2026-11-20T17:50"))])
    s.intake = Intake([s.job, task], Refusing("ours"), "ours")
    event = sample("s3-created")
    event["detail"]["bucket"]["name"], event["detail"]["object"]["key"] = "ours", KEY
    heard, answers = s.take([event, sample("ecs-succeeded")], "2026-11-21T19:00")
    assert heard.unread == (f'the evidence "{KEY}" of backup cannot be read: S3 refuses backup',)
    assert heard.odd == ()
    assert answers == [Recorded.STORED, Recorded.STORED]


def test_a_task_whose_start_was_lost_belongs_to_the_slot_it_began_in(shore):
    s = shore()
    hourly = Job(slug="task", schedule=("0 * * * *",), sources=(Source(kind="ecs", keys=(("family", "nightly"),)),))
    s.store.commit([founding(hourly, at("2026-11-21T17:30"))])
    s.intake = Intake([hourly], s.bucket, "ours")
    late = sample("ecs-succeeded")
    late["detail"] |= {"executionStoppedAt": "2026-11-21T19:30:00Z", "stoppedAt": "2026-11-21T19:30:05Z"}
    assert s.take(late, "2026-11-21T19:31")[1] == [Recorded.STORED, Recorded.STORED]
    assert s.take(sample("ecs-running"), "2026-11-21T19:32")[1] == [Recorded.SEEN]
    assert s.take(late, "2026-11-21T19:33")[1] == [Recorded.SEEN, Recorded.SEEN]
    entries = s.store.history("task", 10)
    assert [(e.signal.kind, e.slot) for e in entries] == [
        (Kind.SUCCESS, at("2026-11-21T18:00")),
        (Kind.START, at("2026-11-21T18:00")),
    ]
