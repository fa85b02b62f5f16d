"""Starts, stops, crashes and a world in the way: what was answered 200 is there afterwards, and people are told."""

import contextlib
import http.server
import json
import re
import resource
import signal
import socket
import sqlite3
import threading
import time

import pytest
from load import Sender, jobs_file
from served import Served, Wire, until

from heartbeat.config import read
from heartbeat.store.sqlite.store import SQLiteStore
from heartbeat.verbs.apply import apply

NAMES = [f"job-{i}" for i in range(8)]


def bodies(server, slug):
    return {signal.body for signal in server.history(slug)}


def test_kill_9_under_load_loses_nothing_that_was_answered(serve, door):
    with serve(jobs=jobs_file(NAMES), HEARTBEAT_DOOR=door) as server:
        senders = [Sender(server, name) for name in NAMES]
        until(lambda: sum(len(sender.answered) for sender in senders) > 400)
        server.stop(signal.SIGKILL)
        for sender in senders:
            sender.join()
    assert sum(len(sender.answered) for sender in senders) > 400
    with serve(jobs=jobs_file(NAMES), HEARTBEAT_DOOR=door) as again:
        assert all(again.ping(name).status == 200 for name in NAMES)
        lost = {sender.slug: set(sender.answered) - bodies(again, sender.slug) for sender in senders}
    assert lost == {name: set() for name in NAMES}


def test_sigterm_under_load_says_goodbye_to_everybody(serve, door):
    with serve(jobs=jobs_file(NAMES), HEARTBEAT_DOOR=door) as server:
        senders = [Sender(server, name) for name in NAMES]
        until(lambda: all(len(sender.answered) > 20 for sender in senders))
        assert server.stop(signal.SIGTERM) == 0
        for sender in senders:
            sender.join()
        lost = {sender.slug: set(sender.answered) - bodies(server, sender.slug) for sender in senders}
    assert lost == {name: set() for name in NAMES}
    assert [sender.refused for sender in senders] == [[]] * len(NAMES)
    if door == "fast":  # uvicorn's own protocol closes idle connections at once, a ping on its way or not
        assert {sender.ending for sender in senders} == {"goodbye"}
    assert "everything that was answered is in the database" in server.log


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_an_idle_server_stops_cleanly_and_soon(serve, door, number):
    with serve(HEARTBEAT_DOOR=door) as server, Wire(server) as idle:
        idle.ping("backup")
        assert idle.answer().status == 200
        started = time.monotonic()
        assert server.stop(number) == 0
        assert time.monotonic() - started < 5


def test_no_alert_is_lost_by_kill_9(serve):
    with receiver() as told:
        jobs = jobs_file(NAMES, f"hook: {{webhook: {{url: 'http://127.0.0.1:{told.port}/', allow_private: true}}}}")
        with serve(jobs=jobs) as server:
            senders = [Sender(server, name, "/fail") for name in NAMES]
            until(lambda: all(sender.answered for sender in senders))
            server.stop(signal.SIGKILL)
            for sender in senders:
                sender.join()
        with serve(jobs=jobs):  # what was being sent when it was killed is sent at once
            until(lambda: set(NAMES) <= told.jobs)


def test_an_alert_for_a_channel_that_the_server_does_not_know_yet_is_told_once_it_does(serve):
    with receiver() as told:
        after = jobs_file(NAMES, f"hook: {{webhook: {{url: 'http://127.0.0.1:{told.port}/', allow_private: true}}}}")
        with serve(jobs=jobs_file(NAMES)) as server:
            with contextlib.closing(SQLiteStore(server.db)) as laptop:
                apply(laptop, read(after, name="jobs.yaml"), time.time_ns() // 1_000_000)
            assert server.ping("job-0/fail").status == 200
            until(lambda: "hook" in server.errors())
            assert told.jobs == set()
            (server.folder / "jobs.yaml").write_text(after)
            until(lambda: told.jobs == {"job-0"}, seconds=10)
            assert json.loads(server.ask("GET", "/healthz").body)["undelivered"] == 0


def test_a_locked_database_delays_or_refuses_but_loses_nothing(serve, door):
    with serve(jobs=jobs_file(NAMES), HEARTBEAT_DOOR=door) as server:
        senders = [Sender(server, name) for name in NAMES]
        until(lambda: all(sender.answered for sender in senders))
        with contextlib.closing(sqlite3.connect(server.db, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            until(lambda: all(sender.waited > 1 for sender in senders))
            other.execute("ROLLBACK")
        counts = [len(sender.answered) for sender in senders]
        until(lambda: all(len(s.answered) > n for s, n in zip(senders, counts, strict=True)))
        for sender in senders:
            sender.stop()
        assert {status for sender in senders for status in sender.refused} <= {503}
        lost = {sender.slug: set(sender.answered) - bodies(server, sender.slug) for sender in senders}
    assert lost == {name: set() for name in NAMES}


def test_a_full_disk_is_503_until_there_is_room(serve, door):
    with serve(HEARTBEAT_DOOR=door) as server:
        assert server.ping("backup").status == 200
        _, hard = resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (16_384, hard))
        answer = server.ping("backup", "POST", b"x" * 9_000)
        assert (answer.status, answer.headers["retry-after"]) == (503, "2")
        health = server.ask("GET", "/healthz")
        assert (health.status, json.loads(health.body)["store"]) == (503, "away")
        resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (hard, hard))
        assert server.ping("backup", "POST", b"y" * 9_000).status == 200
        assert server.ask("GET", "/healthz").status == 200
        assert server.history("backup")[0].body == "y" * 9_000
        assert server.stop() == 0
    assert "the database does not answer" in server.log
    assert "the database answers again" in server.log


def test_a_damaged_database_is_named_at_the_start(serve, tmp_path):
    (tmp_path / "heartbeat.db").write_bytes(b"this is no database, " * 500)
    server = serve()
    assert server.stop() == 3
    assert "heartbeat.db is not a SQLite database" in server.log
    assert "Traceback" not in server.log


def test_a_port_in_use_is_named(serve):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        server = serve(HEARTBEAT_PORT=str(port))
        assert server.stop() == 2
    assert f"cannot listen on 127.0.0.1 port {port}" in server.log
    assert "HEARTBEAT_PORT" in server.log


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("HEARTBEAT_PORT", "eighty", "HEARTBEAT_PORT is 'eighty'; give a number from 0 to 65535"),
        ("HEARTBEAT_HOST", "no.such.host.invalid", "host 'no.such.host.invalid' is no address"),
        ("HEARTBEAT_CONFIG", "nowhere.yaml", "nowhere.yaml"),
        ("HEARTBEAT_LOG", "xml", "HEARTBEAT_LOG is 'xml'; choose text or json"),
        ("HEARTBEAT_PING_KEY", "a/b", "key 1 of 1 cannot stand in a URL"),
        ("HEARTBEAT_DB", "no/such/folder/x.db", "cannot be opened"),
    ],
)
def test_a_bad_setting_is_named(serve, variable, value, said):
    server = serve(**{variable: value})
    assert server.stop() in {1, 2, 3}
    assert said in server.log


def test_every_mistake_in_the_jobs_file_is_named_at_the_start(serve):
    server = serve(jobs="jobs:\n  a: {schedule: nonsense}\n  b: {grce: 5m}\n")
    assert server.stop() == 2
    assert "jobs.yaml:2:" in server.log
    assert "jobs.yaml:3:" in server.log


def test_the_jobs_file_is_read_again_when_it_changes_and_a_broken_one_changes_nothing(serve):
    with serve(jobs=jobs_file(["one", "two"])) as server:
        rewrite(server, jobs_file(["one", "three"]))
        until(lambda: server.ping("three").status == 200)
        assert server.ping("two").status == 404
        rewrite(server, "jobs: {one: {schedule: nonsense}}")
        until(lambda: "cannot be used; the definitions before it stay in force" in server.log)
        assert server.ping("three").status == 200
        assert server.log.count("cannot be used") == 1
        rewrite(server, jobs_file(["one", "four"]))
        until(lambda: server.ping("four").status == 200)
        assert server.stop() == 0


def test_without_a_jobs_file_jobs_are_made_by_their_first_ping(serve):
    with serve(jobs=None) as server:
        assert "?create=1" in server.said
        assert server.ping("first?create=1").said == (201, "Created")


def test_a_ping_key_is_made_once_and_shown_once(serve):
    with serve(HEARTBEAT_PING_KEY="") as server:
        made = re.search(r"/ping/(\w{22})/backup", server.said)[1]
        assert server.ask("GET", f"/ping/{made}/backup").status == 200
        server.stop()
    with serve(HEARTBEAT_PING_KEY="") as again:
        assert made not in again.said + again.log
        assert again.ask("GET", f"/ping/{made}/backup").status == 200


def test_the_curl_line_works_as_printed(serve):
    with serve(HEARTBEAT_PING_KEY="") as server:
        line = next(line for line in server.said.splitlines() if "try it" in line)
        path = line.split(f":{server.port}")[1].strip('"')
        assert server.ask("GET", path).said == (200, "OK")


def test_a_missed_run_is_told(serve):
    with receiver() as told:
        jobs = jobs_file(["quick"], f"hook: {{webhook: {{url: 'http://127.0.0.1:{told.port}/', allow_private: true}}}}")
        with serve(jobs=jobs.replace("every 1h, grace: 30m", "every 2s, grace: 1s")):
            until(lambda: "quick" in told.jobs)


def test_evidence_in_a_folder_counts(serve, tmp_path):
    jobs = "jobs:\n  dump: {schedule: every 2s, grace: 1s, evidence: {key: dump.txt}}\n"
    (tmp_path / "evidence").mkdir()
    with serve(jobs=jobs, HEARTBEAT_EVIDENCE=str(tmp_path / "evidence")) as server:
        until(lambda: server.document("clock") is not None)  # somebody has looked, and found nothing
        (tmp_path / "evidence" / "dump.txt").write_text("a dump")
        until(lambda: any(signal.source == "evidence" for signal in server.history("dump")))


def test_log_lines_are_json_when_asked(serve):
    with serve(HEARTBEAT_LOG="json") as server:
        server.ping("bakcup")
        until(lambda: "stray" in server.log)
        server.stop()
    events = [json.loads(line) for line in server.log.splitlines()]
    assert [event["event"] for event in events] == ["config_applied", "started", "stray", "stopped"]
    assert events[2]["nearest"] == "backup"


class receiver:  # noqa: N801 - used like a function
    """A webhook's receiver: which jobs it was told of."""

    def __enter__(self):
        outer = self
        self.jobs: set[str] = set()

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                text = self.rfile.read(int(self.headers["Content-Length"])).decode()
                outer.jobs |= set(re.findall(r'"(job-\d|quick)"', text))
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_port
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.02,))
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


def rewrite(server: Served, text: str) -> None:
    (server.folder / "new").write_text(text)
    (server.folder / "new").replace(server.folder / "jobs.yaml")
