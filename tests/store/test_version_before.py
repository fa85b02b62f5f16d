"""A database and a table that the version before wrote (tests/data/version_before): read whole, and gone on with."""

import json
import sqlite3
from datetime import UTC, datetime
from pathlib import Path

import pytest

from heartbeat.config import Config
from heartbeat.core.start_orders import Order
from heartbeat.core.starting import run_for
from heartbeat.model import MINUTE, NEVER, SECOND, Job, Kind, Outcome, Phase, Signal, Status, Verdict
from heartbeat.store.dynamodb.store import DynamoDBStore
from heartbeat.store.sqlite.store import SQLiteStore
from heartbeat.targets.protocol import TargetAnswer
from heartbeat.verbs import api_keys, ping_keys, service_state
from heartbeat.verbs.apply import apply
from heartbeat.verbs.deliver import deliver
from heartbeat.verbs.operate import acknowledge, resume_job, unsilence
from heartbeat.verbs.record import Recorded, Recorder
from heartbeat.verbs.sweep import sweep
from heartbeat.verbs.trigger import Starter

PLACE = Path(__file__).parents[1] / "data" / "version_before"
KNOWN = json.loads((PLACE / "known.json").read_text(encoding="utf-8"))
RUN = "11111111-2222-3333-4444-5555555555{:02}"
STARTED = {
    "07:30": "cae0ded1-d145-570c-b197-0499ed74ebbc",
    "08:30": "ab133322-6ebb-5cdd-b4c9-59496480ea10",
    "09:30": "f54fad22-e9a2-5407-9b0d-08e2a4332a25",
}
"""The old version's ids of the runs of `settle`."""


def at(text):
    """`09:16` on 2026-11-20, UTC, in milliseconds."""
    return round(datetime.fromisoformat(f"2026-11-20T{text}").replace(tzinfo=UTC).timestamp() * 1000)


class Channel:
    group_above, pace, parallel, definition = 5, 0, 1, "1"

    def __init__(self, name):
        self.name, self.told = name, []

    def send(self, alerts, *, key, now, receipt):  # noqa: ARG002 - the protocol's words
        self.told += [(alert.slug, str(alert.event), receipt) for alert in alerts]
        return ""


class Target:
    timeout, repeatable = 10 * SECOND, 0

    def __init__(self):
        self.calls = []

    def start(self, call, _sent):
        self.calls.append(call.slot)
        return TargetAnswer(text="202")


class Morning:
    """It is 10:00, and the new version has just been started."""

    def __init__(self, opener, known):
        self.opener, self.known, self.now = opener, known, at("10:00")
        self.store = opener()
        self.ops, self.pager, self.target = Channel("ops"), Channel("pager"), Target()

    def again(self):
        """What the new version wrote is read by the next process."""
        self.store.close()
        self.store = self.opener()

    def job(self, slug):
        return self.store.load([slug])[slug]

    def hear(self, slug, when, kind=Kind.SUCCESS, **fields):
        signal = Signal(slug=slug, kind=kind, at=at(when), received=at(when), **fields)
        assert Recorder(self.store).record([signal]) == [Recorded.STORED]

    def alive(self, until):
        """Sweep and deliver every two minutes."""
        starter = Starter(self.store, lambda _: self.target, lambda: self.now)
        while self.now < at(until):
            self.now += 2 * MINUTE
            swept = sweep(self.store, self.now, service=("ops",))
            assert swept.blind is None
            for order in swept.starts:
                starter.start(order)
            deliver(self.store, {"ops": self.ops, "pager": self.pager}, lambda: self.now, parallel=1)

    def told(self, slug):
        return [(event, receipt) for name, event, receipt in self.pager.told if name == slug]


def a_file(request):
    path = request.getfixturevalue("tmp_path") / "heartbeat.db"
    db = sqlite3.connect(path)
    db.execute("PRAGMA journal_mode = WAL")  # as the old version has it
    db.executescript((PLACE / "heartbeat.sql").read_text(encoding="utf-8"))
    db.close()
    return Morning(lambda: SQLiteStore(path), KNOWN["sqlite"])


def a_table(request):
    call = request.getfixturevalue("call")
    for item in json.loads((PLACE / "table.json").read_text(encoding="utf-8")):
        call("PutItem", {"TableName": "heartbeat", "Item": item})
    return Morning(lambda: DynamoDBStore("heartbeat", call), KNOWN["dynamodb"])


@pytest.fixture(params=[a_file, a_table])
def morning(request):
    made = request.param(request)
    yield made
    made.store.close()


class TestWhatIsThere:
    def test_every_job_in_its_state(self, morning):
        found = {each.job.slug: (each.state.status, each.state.version) for each in morning.store.page("", 99)}
        assert found == {
            "backup": (Status.UP, 4),
            "etl": (Status.UP, 7),
            "ledger": (Status.PAUSED, 3),
            "noisy": (Status.DOWN, 4),
            "report": (Status.DOWN, 3),
            "settle": (Status.UP, 14),
            "worker": (Status.UP, 8),
        }
        assert morning.store.names("", 99) == sorted(found)

    def test_definitions(self, morning):
        report, settle, backup = (morning.job(slug).job for slug in ("report", "settle", "backup"))
        assert (report.schedule, report.timezone, report.description) == (("0 17 * * *",), "Asia/Tokyo", "日次レポート")
        assert (settle.max_runtime, settle.trigger.kind) == (60 * MINUTE, "http")
        assert settle.trigger.settings == {"url": "https://app.example/settle"}
        assert (backup.tags, backup.notify, backup.source) == (("db",), ("ops", "pager"), "morning")
        assert morning.job("worker").job.schedule == ("every 30m",)

    def test_uuids_lead_to_their_jobs(self, morning):
        assert {slug: morning.store.slug_of(uuid) for slug, uuid in morning.known["uuids"].items()} == {
            slug: slug for slug in morning.known["uuids"]
        }
        assert morning.job("backup").uuid == morning.known["uuids"]["backup"]

    def test_an_open_incident(self, morning):
        incident = morning.job("report").state.incident
        assert (incident.opened_at, incident.slot, incident.verdict) == (at("08:10"), at("08:00"), Verdict.MISSED)
        assert (incident.told_at, incident.acked_at, incident.acked_by) == (at("08:10"), at("08:44"), "ann")

    def test_a_pause_with_its_reason(self, morning):
        state = morning.job("ledger").state
        assert (state.since, state.paused_until, state.pause_reason) == (at("07:12"), None, "the books are closed")

    def test_open_runs(self, morning):
        [run], [started] = morning.job("etl").state.runs, morning.job("settle").state.runs
        assert (run.id, run.slot, run.started_at) == (RUN.format(9), at("09:15"), at("09:16"))
        assert (started.id, started.slot) == (STARTED["09:30"], at("09:30"))

    def test_starts(self, morning):
        starts = morning.job("settle").state.starts
        assert [(s.slot, s.phase, s.attempts, s.answer) for s in starts] == [
            (at("07:30"), Phase.STARTED, 1, "202 Accepted"),
            (at("08:30"), Phase.STARTED, 2, "202 Accepted"),
            (at("09:30"), Phase.STARTED, 1, "202 Accepted"),
        ]
        assert [start.run_id for start in starts] == list(STARTED.values())
        life = morning.job("settle").state.life
        assert [run_for("settle", at(slot), life) for slot in STARTED] == list(STARTED.values())

    def test_history(self, morning):
        latest, *older = [entry for entry in morning.store.history("backup", 99) if entry.signal]
        assert (latest.slot, latest.verdict, latest.signal.at) == (at("09:00"), Verdict.ON_TIME, at("09:02"))
        assert (latest.signal.body, latest.signal.exit_status, latest.signal.metrics) == ("7 rows", 0, (("rows", 7.0),))
        assert [entry.slot for entry in older] == [at("08:00"), at("07:00")]
        [failed] = [entry for entry in morning.store.history("etl", 99) if entry.verdict is Verdict.FAILED]
        assert (failed.signal.run_id, failed.signal.exit_status) == (RUN.format(8), 3)
        assert "paused: the books are closed" in [entry.remark for entry in morning.store.history("ledger", 99)]
        assert {entry.slot for entry in morning.store.history("noisy", 99)} == {at(f"0{hour}:00") for hour in (7, 8, 9)}
        kinds = [str(entry.signal.kind) for entry in morning.store.history("settle", 99) if entry.signal]
        assert kinds == ["start", "log", "success", "start", "log", "log", "success", "start", "log"]

    def test_the_outbox(self, morning):
        [waiting] = morning.store.outbox(NEVER - 1, 99)
        assert (waiting.id, waiting.attempts, waiting.error) == (
            "report/2.1/opened@pager",
            14,
            "503 Service Unavailable",
        )
        sent = {row.channel: row for row in morning.store.deliveries("report/2.1") if row.outcome is Outcome.SENT}
        assert {name: json.loads(row.receipt) for name, row in sent.items()} == {"ops": {"ts": "report/2.1/opened@ops"}}
        over = morning.store.deliveries("etl/5.1")
        assert [(str(row.alert.event), row.channel, row.outcome) for row in over] == [
            (event, channel, Outcome.SENT) for event in ("opened", "recovered") for channel in ("ops", "pager")
        ]

    def test_documents(self, morning):
        store, known = morning.store, morning.known
        [silence] = service_state.silences(store)
        assert (silence.selector, silence.start, silence.end) == ("tag:flaky", at("06:55"), at("12:00"))
        assert (silence.reason, silence.author) == ("under repair", "ann")
        assert store.document("strays").value == {"bakcup": {"count": 3, "first": at("09:00"), "last": at("09:02")}}
        assert ping_keys.first(store) == (known["ping_key"], False)
        assert service_state.clock(store, at("10:00")).alive == at("10:00")
        rights = {name: api_keys.holder(store, known[name]) for name in ("read", "write")}
        assert {name: (found.name, str(found.rights)) for name, found in rights.items()} == {
            "read": ("grafana", "read"),
            "write": ("ann", "write"),
        }


class TestWhatGoesOn:
    def test_a_sweep_finds_nothing_new_and_the_next_what_is_missing(self, morning):
        morning.alive("10:08")
        statuses = {each.job.slug: each.state.status for each in morning.store.page("", 99)}
        assert {slug for slug, status in statuses.items() if status is Status.DOWN} == {"noisy", "report"}
        morning.alive("10:12")
        assert morning.job("backup").state.incident.opened_at == at("10:10")
        assert morning.told("backup") == [("opened", "")]

    def test_what_waits_is_sent_once_and_what_was_sent_is_not(self, morning):
        morning.alive("10:20")
        assert morning.told("report") == [("opened", "")]
        assert [told for told in morning.ops.told if told[0] in {"report", "etl"}] == []

    def test_the_incident_recovers_and_the_thread_is_found(self, morning):
        morning.hear("report", "10:01", body="late, but here")
        morning.alive("10:06")
        assert morning.job("report").state.status is Status.UP
        assert [event for event, _ in morning.told("report")] == ["opened", "recovered"]
        assert [told for told in morning.ops.told if told[0] == "report"] == [
            ("report", "recovered", '{"ts": "report/2.1/opened@ops"}')
        ]
        morning.again()
        assert morning.job("report").state.incident is None
        assert morning.store.history("report", 1)[0].signal.body == "late, but here"
        assert {row.outcome for row in morning.store.deliveries("report/2.1")} == {Outcome.SENT}

    def test_a_ping_meets_its_slot(self, morning):
        morning.hear("backup", "10:02")
        morning.alive("10:20")
        [entry] = morning.store.history("backup", 9, at("10:00"))
        assert (entry.verdict, morning.job("backup").state.version) == (Verdict.ON_TIME, 5)

    def test_a_signal_that_was_heard_is_known(self, morning):
        signal = Signal(slug="backup", kind=Kind.SUCCESS, at=at("09:02"), received=at("10:01"), id="b09:02")
        assert Recorder(morning.store).record([signal]) == [Recorded.SEEN]

    def test_runs_end(self, morning):
        morning.hear("etl", "10:01", run_id=RUN.format(9))
        morning.hear("settle", "10:01", run_id=STARTED["09:30"])
        assert (morning.job("etl").state.runs, morning.job("settle").state.runs) == ((), ())
        assert morning.job("etl").state.finished_at == at("10:01")

    def test_a_run_that_does_not_end_is_told(self, morning):
        morning.alive("10:40")
        assert morning.told("settle") == [("opened", "")]
        assert morning.job("settle").state.incident.opened_at == at("10:34")

    def test_a_slot_that_was_started_is_not_started_again_and_the_next_is(self, morning):
        starter = Starter(morning.store, lambda _: morning.target, lambda: morning.now)
        for slot in ("09:30", "10:30"):
            morning.now = at(slot) + 5 * SECOND
            starter.start(Order(slug="settle", slot=at(slot)))
        assert morning.target.calls == [at("10:30")]

    def test_every_is_counted_from_the_last_heartbeat(self, morning):
        morning.alive("10:28")
        assert morning.job("worker").state.status is Status.UP
        morning.alive("10:32")
        assert morning.job("worker").state.incident.opened_at == at("10:30")

    def test_what_a_silence_held_back_is_told_at_its_end(self, morning):
        morning.alive("10:04")
        assert morning.told("noisy") == []
        unsilence(morning.store, "s1", at("10:04"))
        morning.alive("10:08")
        assert morning.told("noisy") == [("opened", "")]

    def test_people_act(self, morning):
        resume_job(morning.store, "ledger", at("10:01"))
        acknowledge(morning.store, "noisy", at("10:01"), by="bob")
        api_keys.remove(morning.store, "grafana")
        morning.again()
        assert morning.job("ledger").state.status is not Status.PAUSED
        assert morning.job("noisy").state.incident.acked_by == "bob"
        assert [holder.name for holder in api_keys.holders(morning.store)] == ["ann"]

    @pytest.mark.parametrize("slug", ["report", "retired"])
    def test_a_job_is_removed_and_comes_back(self, morning, slug):
        """`retired` was removed by the old version, which left only its history behind."""
        jobs = {each.job.slug: each.job for each in morning.store.page("", 99)}
        parts = {"channels": {}, "service": (), "fallback": (), "digest": "", "warnings": ()}
        without = tuple(job for name, job in jobs.items() if name != slug)
        again = jobs.get(slug) or Job(slug=slug, schedule=("every 1d",), source="morning")
        apply(morning.store, Config(name="morning", jobs=without, **parts), at("10:01"))
        assert slug not in morning.store.names("", 99)
        apply(morning.store, Config(name="morning", jobs=(*without, again), **parts), at("10:02"))
        morning.hear(slug, "10:03")
        morning.again()
        assert morning.job(slug).state.status is Status.UP
        assert [entry.slug for entry in morning.store.history(slug, 1)] == [slug]
