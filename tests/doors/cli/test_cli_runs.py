"""run, rerun, runs: against a job whose app is a real server."""

import http.server
import json
import threading

import pytest
from machine import at

from heartbeat.model import Kind, Signal
from heartbeat.verbs.record import Recorder

JOBS = """\
defaults: {{timezone: Asia/Tokyo, grace: 10m}}
jobs:
  settle: {{schedule: "0 9 * * *", max_runtime: 1h, trigger: {{http: {{url: "{url}"}}}}}}
  nightly: {{schedule: "0 3 * * *", overlap: {overlap}, max_runtime: 1h, trigger: {{http: {{url: "{url}"}}}}}}
  plain: {{schedule: "0 4 * * *"}}
"""
NOON = "2026-11-22T12:00+09:00"


@pytest.fixture
def app():
    seen = []

    class Handler(http.server.BaseHTTPRequestHandler):
        status = 202

        def do_POST(self):
            seen.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(Handler.status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.seen, server.handler = seen, Handler
        server.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def declared(machine, app):
    def declare(overlap="allow"):
        machine.write(JOBS.format(url=app.url, overlap=overlap))
        assert machine.run("apply", when="2026-11-20T12:00+09:00")[0] == 0
        return machine

    return declare


def hear(machine, kind, run_id, when, slug="settle", **fields):
    with machine.store as store:
        Recorder(store).record(
            [Signal(slug=slug, kind=Kind(kind), at=at(when), received=at(when), run_id=run_id, **fields)]
        )


def test_a_run_by_hand(declared, app):
    machine = declared()
    status, out, err = machine.run("run", "settle", "--input", '{"rows": 3}', when=NOON)
    (told,) = app.seen
    assert (status, err) == (0, "")
    assert out == f"run {told['run_id']} of settle was started: 202 Accepted\n"
    assert (told["job"], told["slot"], told["input"]) == ("settle", None, {"rows": 3})


@pytest.mark.parametrize("text", ["2026-11-22", "2026-11-22T09:00"])
def test_for_a_slot(declared, app, text):
    machine = declared()
    assert machine.run("run", "settle", "--for", text, when=NOON)[0] == 0
    assert app.seen[0]["slot"] == "2026-11-22T09:00:00+09:00"
    hear(machine, "success", app.seen[0]["run_id"], "2026-11-22T12:05+09:00")
    [run] = machine.json("runs", "settle")["runs"]
    assert (run["end"], run["slot"], run["by"] != "") == ("late", "2026-11-22T00:00:00Z", True)


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("run", "setle"), "settle"),
        (("run", "settle", "--slot", "tomorrow"), "--slot 'tomorrow' is not a date; write 2026-11-22"),
        (("run", "settle", "--for", "2026-11-22T10:00"), "names no slot of settle; `heartbeat next settle` lists them"),
        (("run", "settle", "--input", "{"), "--input is not JSON"),
        (("rerun", "abc"), "'abc' is too short to name a run"),
        (("rerun", "abcdefg"), "no job remembers a run 'abcdefg'"),
        (("rerun", "abcdefg", "--job", "settle"), "settle has no run 'abcdefg'; `heartbeat runs settle` lists them"),
        (("runs", "settle", "-n", "0"), "-n 0 is not from 1 to 500"),
    ],
)
def test_what_is_wrong_is_said(declared, app, args, said):
    status, out, err = declared().run(*args, when=NOON)
    assert (status, out, app.seen) == (2, "", [])
    assert said in err


def test_a_job_without_a_trigger(declared, app):
    status, out, err = declared().run("run", "plain", when=NOON)
    assert (status, out, app.seen) == (2, "", [])
    assert "jobs.yaml has no `trigger` for this job" in err


def test_a_target_that_refuses(declared, app):
    app.handler.status = 404
    status, out, _ = declared().run("run", "settle", when=NOON)
    assert status == 3
    assert f"was not started: {app.url} answered 404 Not Found" in out


def test_a_target_that_is_busy(declared, app):
    app.handler.status = 503
    status, out, _ = declared().run("run", "settle", when=NOON)
    assert (status, "was refused for now, and will be tried again" in out) == (3, True)


@pytest.mark.parametrize(
    ("overlap", "status", "words"), [("skip", 1, "was skipped"), ("queue", 0, "waits for another")]
)
def test_while_another_run_is_under_way(declared, app, overlap, status, words):
    machine = declared(overlap)
    machine.run("run", "nightly", when=NOON)
    found = machine.run("run", "nightly", when=NOON)
    assert (found[0], words in found[1], len(app.seen)) == (status, True, 1)


def test_rerun_is_another_run_of_the_same(declared, app):
    machine = declared()
    machine.run("run", "settle", "--for", "2026-11-22", "--input", "[1]", when=NOON)
    first = app.seen[0]["run_id"]
    status, _, _ = machine.run("rerun", first[:8], when="2026-11-22T13:00+09:00")
    second = app.seen[1]
    assert (status, second["slot"], second["input"]) == (0, "2026-11-22T09:00:00+09:00", [1])
    assert second["run_id"] != first


def test_rerun_of_one_that_only_the_history_knows(declared, app):
    machine = declared()
    hear(machine, "success", "feedbeef-1111", "2026-11-21T09:02+09:00")
    assert machine.run("rerun", "feedbeef", "--job", "settle", when=NOON)[0] == 0
    assert app.seen[0]["slot"] == "2026-11-21T09:00:00+09:00"


def test_runs_are_shown_for_people_and_programs(declared, app):
    machine = declared()
    machine.run("run", "settle", when=NOON)
    run_id = app.seen[0]["run_id"]
    hear(machine, "start", run_id, "2026-11-22T12:00:01+09:00")
    hear(machine, "fail", run_id, "2026-11-22T12:02+09:00", exit_status=3, body="no disk")
    _, out, _ = machine.run("runs", "settle", when="2026-11-22T12:03+09:00")
    head, line, *more = out.splitlines()
    assert head.split() == ["RUN", "SLOT", "END", "TRIGGERED", "TOOK", "REMARKS"]
    assert line.split()[:4] == [run_id[:8], "-", "failed", "12:00"]
    assert "exit status 3" in line
    assert more == [
        "",
        f"output of {run_id[:8]}, failed 12:02 JST",
        "  no disk",
        "",
        "next: heartbeat explain settle   why it is so",
        f"next: heartbeat rerun {run_id[:8]} --job settle   once more",
        "next: heartbeat ack settle   you look after it: no more reminders",
    ]
    [run] = machine.json("runs", "settle")["runs"]
    assert (run["run_id"], run["end"], run["words"]) == (run_id, "failed", "failed")
    assert (run["exit_status"], run["output"], run["answer"]) == (3, "no disk", "202 Accepted")
    assert (run["triggered_at"], run["duration_seconds"]) == ("2026-11-22T03:00:00Z", 119.0)


def test_no_runs_yet(declared):
    assert declared().run("runs", "settle", when=NOON)[1] == "settle has no runs yet\n"
