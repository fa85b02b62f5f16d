"""Evidence in a folder: through the whole sweep first, then which object is whose, then what an object may say."""

import json
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from heartbeat.core.definition import founding
from heartbeat.errors import BadSignal
from heartbeat.ingest.evidence import FolderBucket, belongs, key_of, look
from heartbeat.model import Bound, Event, Evidence, Job, Kind, Snapshot, State, Verdict
from heartbeat.store.sqlite.store import SQLiteStore
from heartbeat.verbs.sweep import sweep

MINUTE = 60_000
DATED = "backup/{date:%Y-%m-%d}/dump.sql.gz"


def at(text):
    when = datetime.fromisoformat(text)
    return round((when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp() * 1000)


class Night:
    """A job that proves its runs by evidence only, a folder, and a clock."""

    def __init__(self, folder, *, key=DATED, born="2026-11-20T00:00", schedule="0 18 * * *", zone="UTC", **more):
        evidence = Evidence(key=key, **{name: more.pop(name) for name in ("min_size", "content_type") if name in more})
        self.job = Job(
            slug="backup",
            schedule=(schedule,),
            timezone=zone,
            grace=10 * MINUTE,
            notify=("ops",),
            evidence=evidence,
            **more,
        )
        self.folder, self.store = folder, SQLiteStore(":memory:")
        self.store.commit([founding(self.job, at(born))])
        self.sweep(born)

    def put(self, key, when, content=b"x" * 100):
        path = self.folder / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        os.utime(path, (at(when) / 1000, at(when) / 1000))
        return path

    def sweep(self, *times):
        for time in times:
            while sweep(self.store, at(time), evidence=look(FolderBucket(self.folder))).more:
                pass

    def alive(self, start, end):
        for instant in range(at(start), at(end) + 1, 4 * MINUTE):
            sweep(self.store, instant, evidence=look(FolderBucket(self.folder)))

    @property
    def snapshot(self):
        return self.store.load(["backup"])["backup"]

    @property
    def status(self):
        return str(self.snapshot.state.status)

    def told(self):
        return [str(d.alert.event) for d in self.store.outbox(1 << 52, 100)]

    def entries(self):
        return self.store.history("backup", 100)

    def look(self, *slots, now):
        return look(FolderBucket(self.folder))(self.snapshot, [at(slot) for slot in slots], at(now))


@pytest.fixture
def night(tmp_path):
    return lambda **more: Night(tmp_path, **more)


def test_on_time_evidence_tells_nobody(night):
    n = night(born="2026-11-20T17:50")
    n.put("backup/2026-11-20/dump.sql.gz", "2026-11-20T18:03")
    n.alive("2026-11-20T17:52", "2026-11-20T18:30")
    assert n.told() == []
    assert n.status == "up"
    first = n.entries()[0]
    assert (first.verdict, first.at, first.signal.source) == (Verdict.ON_TIME, at("2026-11-20T18:03"), "evidence")
    assert first.signal.named == "2026-11-20T18:00+00:00"
    assert (first.signal.size, first.signal.content_type) == (100, "application/gzip")


def test_missing_evidence_opens_and_late_evidence_recovers(night):
    n = night(born="2026-11-20T17:50")
    n.alive("2026-11-20T17:52", "2026-11-20T18:28")
    assert n.told() == [Event.OPENED]
    n.put("backup/2026-11-20/dump.sql.gz", "2026-11-20T18:30")
    n.alive("2026-11-20T18:32", "2026-11-20T18:40")
    assert n.told() == [Event.OPENED, Event.RECOVERED]
    assert n.status == "up"
    assert n.entries()[0].verdict is Verdict.LATE


RUN = "0b7c9d6e-1111-4222-8333-444444444444"


def report(status):
    return json.dumps({"status": status, "run_id": RUN}).encode()


def test_a_start_in_the_evidence_is_a_run_that_must_end(night):
    n = night(key="backup/{date:%Y-%m-%d}.json", born="2026-11-20T17:50", max_runtime=30 * MINUTE)
    n.put("backup/2026-11-20.json", "2026-11-20T18:02", report("started"))
    n.alive("2026-11-20T17:52", "2026-11-20T18:30")
    assert (n.told(), [run.id for run in n.snapshot.state.runs]) == ([], [RUN])
    n.alive("2026-11-20T18:32", "2026-11-20T18:40")
    assert n.told() == [Event.OPENED]
    assert n.entries()[0].verdict is Verdict.TIMED_OUT


def test_an_end_over_its_start_in_the_same_second_ends_the_run(night):
    n = night(key="backup/{date:%Y-%m-%d}.json", born="2026-11-20T17:50", max_runtime=30 * MINUTE)
    n.put("backup/2026-11-20.json", "2026-11-20T18:02", report("started"))
    n.alive("2026-11-20T17:52", "2026-11-20T18:20")
    n.put("backup/2026-11-20.json", "2026-11-20T18:02", report("success"))
    n.alive("2026-11-20T18:24", "2026-11-20T18:44")
    assert (n.status, n.told(), n.snapshot.state.runs) == ("up", [], ())


def test_yesterdays_file_is_not_todays(night):
    n = night(born="2026-11-20T17:50")
    n.put("backup/2026-11-19/dump.sql.gz", "2026-11-20T18:01")
    n.alive("2026-11-20T17:52", "2026-11-20T18:28")
    assert n.told() == [Event.OPENED]


def test_yesterdays_file_under_a_key_without_a_date_is_not_todays(night):
    n = night(key="dump.sql.gz", born="2026-11-20T17:50")
    n.put("dump.sql.gz", "2026-11-19T18:01")
    n.alive("2026-11-20T17:52", "2026-11-20T18:28")
    assert n.told() == [Event.OPENED]
    n.put("dump.sql.gz", "2026-11-20T18:29")
    n.alive("2026-11-20T18:32", "2026-11-20T18:36")
    assert n.told() == [Event.OPENED, Event.RECOVERED]


def test_too_small_is_failed_and_the_whole_file_recovers(night):
    n = night(min_size=1_000, born="2026-11-20T17:50")
    n.put("backup/2026-11-20/dump.sql.gz", "2026-11-20T18:03", b"half")
    n.alive("2026-11-20T17:52", "2026-11-20T18:20")
    assert n.told() == [Event.OPENED]
    assert n.entries()[0].verdict is Verdict.FAILED
    assert n.entries()[0].remark == "the evidence has 4 bytes; min_size is 1000"
    n.put("backup/2026-11-20/dump.sql.gz", "2026-11-20T18:22", b"x" * 2_000)
    n.alive("2026-11-20T18:24", "2026-11-20T18:28")
    assert n.told() == [Event.OPENED, Event.RECOVERED]


def test_the_same_failure_is_recorded_once_however_often_the_sweep_looks(night):
    n = night(min_size=1_000, born="2026-11-20T17:50")
    n.put("backup/2026-11-20/dump.sql.gz", "2026-11-20T18:03", b"half")
    n.alive("2026-11-20T17:52", "2026-11-20T20:00")
    assert len([entry for entry in n.entries() if entry.signal]) == 1


def test_a_wrong_content_type_is_failed(night):
    n = night(content_type="application/gzip", key="{date:%Y-%m-%d}.txt", born="2026-11-20T17:50")
    n.put("2026-11-20.txt", "2026-11-20T18:03")
    n.alive("2026-11-20T17:52", "2026-11-20T18:20")
    assert n.entries()[0].remark == "the evidence is text/plain; content_type is application/gzip"


def test_after_an_outage_evidence_is_looked_at_before_anybody_is_told(night):
    n = night()
    for day in (20, 21, 22):
        n.put(f"backup/2026-11-{day}/dump.sql.gz", f"2026-11-{day}T18:05")
    n.sweep("2026-11-23T09:00")
    verdicts = {entry.slot: entry.verdict for entry in n.entries() if entry.slot}
    assert verdicts == {at(f"2026-11-{day}T18:00"): Verdict.ON_TIME for day in (20, 21, 22)}
    assert Event.OPENED not in n.told()


def test_every_run_that_failed_says_so_in_json(night):
    n = night(key="{date:%Y-%m-%d}/evidence.json", born="2026-11-20T17:50")
    n.put(
        "2026-11-20/evidence.json", "2026-11-20T18:03", b'{"status": "fail", "exit_status": 3, "message": "disk full"}'
    )
    n.alive("2026-11-20T17:52", "2026-11-20T18:20")
    signal = n.entries()[0].signal
    assert (n.status, signal.kind, signal.exit_status, signal.body) == ("down", Kind.FAIL, 3, "disk full")


def test_a_metric_in_json_is_held_against_its_bounds(night):
    n = night(key="{date:%Y-%m-%d}.json", bounds=(Bound(metric="rows", low=1),), born="2026-11-20T17:50")
    n.put("2026-11-20.json", "2026-11-20T18:03", b'{"status": "success", "metrics": {"rows": 0}}')
    n.alive("2026-11-20T17:52", "2026-11-20T18:20")
    assert n.entries()[0].remark == "rows is 0; it must be at least 1"


def test_unreadable_folder_stops_no_sweep_and_leaves_a_line(night):
    n = night(born="2026-11-20T17:50")
    (n.folder / "backup").symlink_to("backup")
    n.alive("2026-11-20T17:52", "2026-11-20T18:30")
    assert n.told() == [Event.OPENED]
    notes = [entry.signal for entry in n.entries() if entry.signal]
    assert [(note.kind, note.source) for note in notes] == [(Kind.LOG, "evidence")]
    assert notes[0].body.startswith("the evidence backup/2026-11-20/dump.sql.gz cannot be read: ")


def test_while_evidence_cannot_be_read_nobody_is_told_of_a_miss(night):
    n = night(born="2026-11-20T17:50")
    link = n.folder / "backup"
    link.symlink_to("backup")
    n.alive("2026-11-20T17:52", "2026-11-20T18:16")
    assert (n.status, n.told()) == ("waiting", [])
    link.unlink()
    n.put("backup/2026-11-20/dump.sql.gz", "2026-11-20T18:03")
    n.alive("2026-11-20T18:18", "2026-11-20T18:30")
    assert (n.status, n.told()) == ("up", [])


def test_evidence_that_cannot_be_read_for_long_is_no_excuse(night):
    n = night(born="2026-11-20T17:50")
    (n.folder / "backup").symlink_to("backup")
    n.alive("2026-11-20T17:52", "2026-11-20T18:19")
    assert n.told() == []
    n.sweep("2026-11-20T18:20")
    assert n.told() == [Event.OPENED]
    assert n.snapshot.state.incident.opened_at == at("2026-11-20T18:10")


# Whose is it?


def job(key, schedule="0 * * * *", zone="UTC", **more):
    return Job(slug="backup", schedule=(schedule,), timezone=zone, evidence=Evidence(key=key), **more)


def known(of, born="2026-01-01T00:00"):
    return Snapshot(job=of, state=State(version=1, born=at(born), cursor=at(born)), due=0, uuid="")


@pytest.mark.parametrize(
    ("zone", "slot", "key"),
    [
        ("Asia/Tokyo", "2026-11-21T16:00", "2026-11-22T01"),
        ("America/New_York", "2026-11-22T03:00", "2026-11-21T22"),
        ("Europe/Berlin", "2026-10-25T00:00", "2026-10-25T02"),
        ("Europe/Berlin", "2026-10-25T01:00", "2026-10-25T02"),
        ("Europe/Berlin", "2026-03-29T01:00", "2026-03-29T03"),
        ("Pacific/Apia", "2026-11-21T11:00", "2026-11-22T00"),
    ],
)
def test_the_date_is_read_in_the_jobs_zone(zone, slot, key):
    assert key_of(job("{date:%Y-%m-%dT%H}", zone=zone), at(slot)) == key


def test_braces_are_written_twice():
    assert key_of(job("a{{b}}/{date:%Y}/{{"), at("2026-11-22T00:00")) == "a{b}/2026/{"


def test_the_hour_that_comes_twice_names_its_slot_with_the_offset(tmp_path):
    n = Night(tmp_path, key="{date:%Y-%m-%dT%H%z}", schedule="0 * * * *", zone="Europe/Berlin", born="2026-10-24T12:00")
    n.put("2026-10-25T02+0200", "2026-10-25T00:02")
    n.put("2026-10-25T02+0100", "2026-10-25T01:02")
    found = n.look("2026-10-25T00:00", "2026-10-25T01:00", now="2026-10-25T02:00")
    assert [signal.named for signal in found] == ["2026-10-25T02:00+02:00", "2026-10-25T02:00+01:00"]


@pytest.mark.parametrize(
    ("modified", "slot", "whose"),
    [
        ("2026-11-22T09:10", "2026-11-22T09:00", True),
        ("2026-11-22T08:56", "2026-11-22T09:00", True),  # early
        ("2026-11-22T08:54", "2026-11-22T09:00", False),
        ("2026-11-22T09:56", "2026-11-22T09:00", False),  # the next slot has begun
        ("2026-11-22T12:10", "2026-11-22T09:00", False),
        ("2026-11-22T12:10", "2026-11-22T12:00", True),
    ],
)
def test_an_hourly_job_with_a_daily_key_counts_for_one_slot_only(modified, slot, whose):
    assert belongs(known(job("{date:%Y-%m-%d}.txt")), at(slot), at(modified)) is whose


def test_the_last_slot_of_a_day_keeps_its_key_over_midnight_and_the_others_do_not_get_it():
    hourly = known(job("{date:%Y-%m-%d}.txt"))
    late = at("2026-11-23T00:20")
    assert belongs(hourly, at("2026-11-22T23:00"), late)
    assert not belongs(hourly, at("2026-11-22T22:00"), late)


def test_a_key_of_its_own_may_be_written_ahead_of_time_but_not_before_the_slot_before():
    daily = known(job(DATED, schedule="0 18 * * *"))
    assert belongs(daily, at("2026-11-22T18:00"), at("2026-11-22T09:00"))
    assert not belongs(daily, at("2026-11-22T18:00"), at("2026-11-21T17:00"))


def test_a_key_that_comes_round_again_does_not_prove_last_weeks_run():
    weekly = known(job("{date:%a}.gz", schedule="0 18 * * *"))
    assert not belongs(weekly, at("2026-11-22T18:00"), at("2026-11-15T18:01"))


def test_every_takes_what_is_newer_than_the_last_heartbeat(tmp_path):
    n = Night(tmp_path, key="alive.txt", schedule="every 1h", born="2026-11-22T08:00")
    n.put("alive.txt", "2026-11-22T07:59")
    assert n.look("2026-11-22T09:00", now="2026-11-22T09:10") == ()
    n.put("alive.txt", "2026-11-22T08:50")
    (signal,) = n.look("2026-11-22T09:00", now="2026-11-22T09:10")
    assert (signal.named, signal.at) == ("", at("2026-11-22T08:50"))


def test_every_finds_the_key_of_the_day_it_drifted_into(tmp_path):
    n = Night(tmp_path, key="{date:%d}.txt", schedule="every 1d", born="2026-11-21T23:55")
    n.put("23.txt", "2026-11-23T00:02")
    assert [s.at for s in n.look("2026-11-22T23:55", now="2026-11-23T00:06")] == [at("2026-11-23T00:02")]


def test_a_file_from_the_future_happened_now(night):
    n = night()
    n.put("backup/2026-11-20/dump.sql.gz", "2026-11-25T00:00")
    (signal,) = n.look("2026-11-20T18:00", now="2026-11-20T18:10")
    assert signal.at == signal.received == at("2026-11-20T18:10")


def test_two_slots_at_stake_that_find_one_object_give_one_signal(tmp_path):
    n = Night(tmp_path, key="alive.txt", schedule="every 1h", born="2026-11-22T08:00")
    n.put("alive.txt", "2026-11-22T10:30")
    assert len(n.look("2026-11-22T09:00", "2026-11-22T10:00", now="2026-11-22T11:00")) == 1


def test_a_job_may_name_a_bucket_of_its_own(tmp_path):
    n = Night(tmp_path)
    named = Evidence(key=DATED, bucket="archive")
    n.put("archive/backup/2026-11-20/dump.sql.gz", "2026-11-20T18:01")
    snapshot = Snapshot(
        job=Job(slug="b", schedule=n.job.schedule, evidence=named), state=n.snapshot.state, due=0, uuid=""
    )
    assert len(look(FolderBucket(tmp_path))(snapshot, [at("2026-11-20T18:00")], at("2026-11-20T18:10"))) == 1


# Hostile keys and files


@pytest.mark.parametrize("key", ["../secret", "/etc/passwd", "a/../../secret", "a\0b", "", ".", "a\nb", ".."])
def test_no_key_leaves_the_folder(tmp_path, key):
    (tmp_path / "secret").write_text("x")
    with pytest.raises(BadSignal):
        FolderBucket(tmp_path / "evidence").head(key)


def test_a_link_out_of_the_folder_is_refused_and_one_inside_is_followed(tmp_path):
    inside = tmp_path / "evidence"
    inside.mkdir()
    (tmp_path / "secret").write_text("x")
    (inside / "real").write_text("xyz")
    (inside / "out").symlink_to(tmp_path / "secret")
    (inside / "up").symlink_to(tmp_path)
    (inside / "in").symlink_to("real")
    (inside / "loop").symlink_to("loop")
    bucket = FolderBucket(inside)
    assert bucket.head("in").size == 3
    for key in ("out", "up/secret", "loop", "loop/x"):
        with pytest.raises(BadSignal):
            bucket.head(key)


def test_only_regular_files_are_evidence(tmp_path):
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    bucket = FolderBucket(tmp_path)
    assert [bucket.head(key) for key in ("folder", "pipe", "none", "none/below", "pipe/below")] == [None] * 5
    assert FolderBucket(tmp_path / "not-there").head("x") is None


def test_a_key_longer_than_a_name_may_be_leaves_a_line(tmp_path):
    n = Night(tmp_path, key="x" * 300)
    (note,) = n.look("2026-11-20T18:00", now="2026-11-20T18:10")
    assert (note.kind, note.body.rpartition(": ")[2]) == (Kind.LOG, "File name too long")


def test_the_same_types_on_every_machine(tmp_path):
    for name in ("a.sql.gz", "a.json", "a.csv", "a", "a.tar.bz2"):
        (tmp_path / name).write_text("x")
    types = [
        FolderBucket(tmp_path).head(name).content_type for name in ("a.sql.gz", "a.json", "a.csv", "a", "a.tar.bz2")
    ]
    assert types == ["application/gzip", "application/json", "text/csv", "", "application/x-bzip2"]


# What JSON may say


def said(tmp_path, content, key="evidence.json"):
    n = Night(tmp_path, key=key)
    n.put(key, "2026-11-20T18:01", content if isinstance(content, bytes) else json.dumps(content).encode())
    (signal,) = n.look("2026-11-20T18:00", now="2026-11-20T18:10")
    return signal


def test_json_says_all_there_is_to_say(tmp_path):
    told = {"status": "success", "duration": 12.5, "metrics": {"rows": 3, "rate": 0.5}, "message": "3 rows"}
    signal = said(tmp_path, told)
    assert (signal.kind, signal.duration, signal.body) == (Kind.SUCCESS, 12_500, "3 rows")
    assert signal.metrics == (("rows", 3.0), ("rate", 0.5))


@pytest.mark.parametrize(
    ("told", "kind", "exit_status"),
    [
        ({}, Kind.SUCCESS, None),
        ({"status": "OK"}, Kind.SUCCESS, None),
        ({"status": "fail"}, Kind.FAIL, None),
        ({"status": "failed"}, Kind.FAIL, None),
        ({"exit_status": 0}, Kind.SUCCESS, 0),
        ({"exit_status": 7}, Kind.FAIL, 7),
        ({"exit_status": -9}, Kind.FAIL, 137),
        ({"exit_status": 70000}, Kind.FAIL, 255),
        ({"status": "success", "exit_status": 1}, Kind.FAIL, 1),
        ({"status": "started"}, Kind.START, None),
        ({"status": "running"}, Kind.START, None),
        ({"status": "started", "exit_status": 3}, Kind.FAIL, 3),
        ({"status": "started", "exit_status": 0}, Kind.SUCCESS, 0),
        ([1, 2], Kind.SUCCESS, None),
        ("text", Kind.SUCCESS, None),
        (None, Kind.SUCCESS, None),
    ],
)
def test_what_is_a_failure(tmp_path, told, kind, exit_status):
    signal = said(tmp_path, told)
    assert (signal.kind, signal.exit_status) == (kind, exit_status)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"{", "evidence.json cannot be read as JSON"),
        (b"\xff\xfe", "evidence.json cannot be read as JSON"),
        (b"[" * 50_000, "evidence.json cannot be read as JSON"),
        (b"", "evidence.json cannot be read as JSON"),
        (b" " * 64_001, "evidence.json has more than 64000 bytes"),
        (b'{"exit_status": "1"}', "exit_status '1' is no number that can be used"),
        (b'{"exit_status": true}', "exit_status 'True' is no number that can be used"),
        (b'{"duration": 1e400}', "duration 'inf' is no number that can be used"),
        (b'{"duration": NaN}', "duration 'nan' is no number that can be used"),
        (b'{"metrics": [1]}', "metrics is no mapping of names to numbers"),
        (b'{"metrics": {"rows": "many"}}', "rows 'many' is no number that can be used"),
        (b'{"status": 5}', "status 5 is neither success, fail nor started"),
        (b'{"run_id": 5}', "run_id '5' is no uuid"),
        (b'{"run_id": "one"}', "run_id 'one' is no uuid"),
        (b'{"duration": ' + b"9" * 1_000 + b"}", "duration '9999"),
    ],
)
def test_bad_json_is_still_evidence_with_the_problem_in_the_body(tmp_path, content, words):
    signal = said(tmp_path, content)
    assert signal.kind is Kind.SUCCESS
    assert words in signal.body


def test_a_file_that_may_not_be_read_is_still_there(tmp_path, monkeypatch):
    def refuse(*_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(FolderBucket, "read", refuse)
    assert "Permission denied" in said(tmp_path, {"status": "fail"}).body


def test_a_message_is_cut_and_half_characters_go(tmp_path):
    signal = said(tmp_path, {"message": "日" * 5_000})
    assert len(signal.body.encode()) == 9_999


def test_no_more_than_twenty_metrics(tmp_path):
    assert len(said(tmp_path, {"metrics": {f"m{n}": n for n in range(100)}}).metrics) == 20


def test_the_folder_is_read_no_further_than_asked(tmp_path):
    (tmp_path / "x").write_bytes(b"0123456789")
    assert FolderBucket(Path(tmp_path)).read("x", 4) == b"0123"
