"""The server as the scheduler: a clock that the test moves, and then the real server against a real app."""

import http.server
import json
import sqlite3
import threading
import time

import pytest
from served import Served
from trigger_stage import MINUTE, Stage, Target, at

from heartbeat.doors.server import scheduler as door
from heartbeat.doors.server.scheduler import Scheduler
from heartbeat.errors import StoreUnavailable
from heartbeat.store.sqlite.store import SQLiteStore
from heartbeat.telemetry import Happened, Log
from heartbeat.verbs.apply import redefined
from heartbeat.verbs.jobs import amend
from heartbeat.verbs.trigger import Starter


class Desk:
    """A scheduler over a stage's store and target."""

    def __init__(self, stage):
        self.stage, self.log = stage, Log(lambda: 0.0)
        self.made = self.fresh()

    def fresh(self):
        return Scheduler(self.stage.store, self.stage.starter, self.log, lambda: self.stage.now)

    def step(self, when):
        self.stage.now = at(when)
        wait = self.made.step()
        assert self.made.join(10)
        return wait

    @property
    def started(self):
        return self.stage.target.started


@pytest.fixture
def desk(tmp_path):
    return lambda **options: Desk(Stage(store=SQLiteStore(tmp_path / "db"), **options))


def test_a_slot_is_started_when_it_comes_and_not_before(desk):
    d = desk()
    assert d.step("08:59") == 1.0
    assert d.step("08:59:59") == pytest.approx(1.0)
    assert d.started == []
    d.step("09:00")
    d.step("09:00:01")
    assert len(d.started) == 1
    d.step("06T09:00")
    assert len(d.started) == 2
    assert d.log.counts[Happened.RUN_STARTED] == 2


def test_it_wakes_for_the_next_slot_to_the_millisecond(desk):
    d = desk()
    d.step("08:58")
    d.stage.now = at("09:00") - 250
    assert d.made.step() == 0.25


def test_a_server_that_starts_again_takes_up_the_latest_slot_once(desk):
    d = desk(schedule="*/5 * * * *", grace=4 * MINUTE)
    d.step("08:55")
    assert len(d.started) == 1
    d.made = d.fresh()
    d.step("09:11")
    d.made = d.fresh()
    d.step("09:11:30")
    assert [start.slot for start in d.stage.state.starts] == [at("08:55"), at("09:10")]


def test_what_is_too_late_is_not_taken_up(desk):
    d = desk()
    d.step("09:11")
    assert (d.started, d.log.counts[Happened.RUN_NOT_STARTED]) == ([], 0)


def test_a_job_that_is_younger_than_its_slot_is_not_started(desk):
    d = desk(born="09:01")
    d.step("09:02")
    assert d.started == []


def test_a_paused_job_is_said_and_not_started(desk):
    d = desk()
    d.step("08:59:30")
    d.stage.pause("08:59:40")
    d.step("09:00")
    assert (d.started, d.log.counts[Happened.RUN_NOT_STARTED]) == ([], 1)


def test_a_changed_schedule_holds_once_the_jobs_are_read_again(desk):
    d = desk()
    d.step("08:58")
    job = d.stage.snapshot.job
    later = type(job)(**{f: getattr(job, f) for f in job.__struct_fields__} | {"schedule": ("30 9 * * *",)})
    amend(d.stage.store, "job", lambda snapshot: redefined(snapshot, later, d.stage.now))
    d.made.read_again()
    d.step("09:00")
    assert d.started == []
    d.step("09:30")
    assert len(d.started) == 1


def test_a_store_that_is_away_delays_the_start(desk, monkeypatch):
    d = desk()
    d.step("08:59")

    def away(*_):
        raise StoreUnavailable("locked")

    monkeypatch.setattr(d.stage.store, "commit", away)
    d.step("09:00")
    monkeypatch.undo()
    assert (d.started, d.log.counts[Happened.HINDERED]) == ([], 1)
    d.step("09:00:04")
    assert d.started == []
    d.step("09:00:05")
    assert len(d.started) == 1


def test_what_crashes_a_start_does_not_stop_the_others(desk):
    d = desk()
    d.stage.target.script = [ZeroDivisionError()]
    d.step("09:00")
    assert d.log.counts[Happened.CRASHED] == 1
    d.step("06T09:00")
    assert len(d.started) == 2, "the broken one was begun, and is not begun again"


def test_no_more_than_so_many_at_once(desk, monkeypatch):
    monkeypatch.setattr(door, "WORKERS", 2)
    d = desk(schedule="* * * * *", grace=30 * MINUTE)
    gate, inside = threading.Event(), []

    def hold(call, _):
        inside.append(call.run_id)
        gate.wait(10)
        return d_answer

    d_answer = Target().start(type("C", (), {"run_id": "x"}), None)
    d.stage.target.script = [hold] * 3
    for when, count in (("09:00", 1), ("09:01", 2), ("09:02", 2)):
        d.stage.now = at(when)
        d.made.step()
        for _ in range(1000):  # a claim that comes after a later slot's would be too late
            if len(inside) == count:
                break
            time.sleep(0.01)
        assert len(inside) == count
    gate.set()
    assert d.made.join(10)
    assert len(set(inside)) == 3, "the third began as soon as there was a place"


def test_what_another_process_applies_is_taken_up_within_seconds(desk, tmp_path):
    d = desk()
    d.step("08:00")
    other = Stage(store=SQLiteStore(tmp_path / "db"), born="08:00:01")
    other.edit("08:00:01", schedule=("1 8 * * *",))
    d.step("08:00:04")
    assert d.step("08:00:06") == 1.0
    d.step("08:01")
    assert len(d.started) == 1


def test_nothing_is_read_while_nothing_is_defined_anew(desk, monkeypatch):
    d, reads = desk(), []
    store = d.stage.store
    monkeypatch.setattr(store, "triggered", lambda: reads.append(d.stage.now) or SQLiteStore.triggered(store))
    for second in range(59):
        d.step(f"08:00:{second:02}")
    assert reads == [at("08:00")]
    d.stage.pause("08:00:59")
    d.step("08:00:59")
    assert reads == [at("08:00")], "a pause is no definition"
    d.step("08:01")
    assert reads == [at("08:00"), at("08:01")], "and once a minute, come what may"


def test_a_clock_that_was_set_back_holds_nothing_up(desk):
    d = desk()
    d.step("06T08:00")
    d.step("08:59")
    d.step("09:00")
    assert len(d.started) == 1


def test_two_servers_on_one_database_start_a_slot_once(tmp_path):
    s = Stage(store=SQLiteStore(tmp_path / "db"))
    desks = [Desk(s) for _ in range(4)]
    for d in desks:
        store = SQLiteStore(tmp_path / "db")
        d.made = Scheduler(store, Starter(store, lambda _: s.target, lambda: s.now), d.log, lambda: s.now)
        s.now = at("08:59")
        d.made.step()
    s.now = at("09:00")
    for d in desks:
        d.made.step()
    assert all(d.made.join(10) for d in desks)
    assert len(s.target.calls) == 1


JOBS = """\
defaults: {{timezone: UTC, grace: 10m}}
jobs:
  tick: {{schedule: "*-*-* *:*:00/2", grace: 1s, trigger: {{http: {{url: "{url}", token: s3cret}}}}}}
"""


@pytest.fixture
def app():
    """A small app that writes down when it was called, and for what."""
    seen = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            seen.append((time.time(), json.loads(self.rfile.read(int(self.headers["Content-Length"])))))
            self.send_response(202)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.seen, server.url = seen, f"http://127.0.0.1:{server.server_port}/jobs"
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_the_real_server_starts_real_runs_once_each_through_a_kill(app, tmp_path):
    def until(count):
        limit = time.monotonic() + 30
        while len(app.seen) < count:
            assert time.monotonic() < limit
            time.sleep(0.02)

    with Served(tmp_path, jobs=JOBS.format(url=app.url)) as first:
        until(2)
        first.process.kill()
    with Served(tmp_path, jobs=JOBS.format(url=app.url)) as second:
        until(len(app.seen) + 2)
        assert second.stop() == 0
        assert "run_started" in second.log or "a run was started" in second.log
    runs = [told["run_id"] for _, told in app.seen]
    assert len(runs) == len(set(runs)), "no slot was started twice"
    assert all(told["token"] == "s3cret" and told["job"] == "tick" for _, told in app.seen)
    with sqlite3.connect(tmp_path / "heartbeat.db") as db:
        assert db.execute("pragma integrity_check").fetchone() == ("ok",)
