"""ping and exec, against a server that writes down what it hears."""

import io
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace
from urllib.parse import parse_qs, urlsplit

import pytest

RID = "11111111-2222-3333-4444-555555555555"


@pytest.fixture
def heard(machine, monkeypatch):
    """[(path, query, body)] of the pings that came in."""
    del machine  # it cleans the environment that is set here
    found = []

    class Ears(BaseHTTPRequestHandler):
        def do_POST(self):
            url = urlsplit(self.path)
            body = self.rfile.read(int(self.headers["Content-Length"] or 0)).decode("latin-1")
            found.append((url.path, parse_qs(url.query), body))
            self.send_response(200 if url.path.startswith("/ping/secret-key/") else 404)
            self.end_headers()

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Ears)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    monkeypatch.setenv("HEARTBEAT_URL", f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setenv("HEARTBEAT_PING_KEY", "secret-key")
    yield found
    server.shutdown()
    server.server_close()


def test_ping_is_silent_in_a_script(machine, heard):
    assert machine.run("ping", "backup") == (0, "", "")
    assert heard[0][0] == "/ping/secret-key/backup"


@pytest.mark.parametrize(
    ("option", "path"),
    [
        (("--start",), "backup/start"),
        (("--fail",), "backup/fail"),
        (("--log",), "backup/log"),
        (("--exit-status", "0"), "backup/0"),
        (("--exit-status", "17"), "backup/17"),
    ],
)
def test_what_happened(machine, heard, option, path):
    assert machine.run("ping", "backup", *option)[0] == 0
    assert heard[0][0] == f"/ping/secret-key/{path}"


def test_run_and_slot_and_body(machine, heard):
    assert machine.run("ping", "backup", "--rid", RID, "--for", "2026-11-22", "--create", "--body", "12 rows")[0] == 0
    _, query, body = heard[0]
    assert (query["rid"], query["for"], query["create"], body) == ([RID], ["2026-11-22"], ["1"], "12 rows")


def test_body_from_standard_input(machine, heard, monkeypatch):
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(isatty=lambda: False, buffer=io.BytesIO(b"\xffoutput")))
    assert machine.run("ping", "backup", "--body", "-")[0] == 0
    assert heard[0][2] == "\xffoutput"


def test_body_from_a_terminal_is_a_mistake(machine, heard, monkeypatch):
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(isatty=lambda: True))
    status, _, err = machine.run("ping", "backup", "--body", "-")
    assert (status, heard) == (2, [])
    assert "that is a terminal" in err


@pytest.mark.usefixtures("heard")
def test_ping_as_json(machine):
    assert machine.json("ping", "backup") == {"delivered": True, "job": "backup"}


@pytest.mark.usefixtures("heard")
def test_a_wrong_key_is_not_delivered(machine, monkeypatch):
    monkeypatch.setenv("HEARTBEAT_PING_KEY", "wrong-key")
    status, out, err = machine.run("ping", "backup")
    assert (status, out, len(err.splitlines())) == (3, "", 1)
    assert err.startswith("heartbeat: the ping was not delivered: ")
    assert "wrong-key" not in err


def test_nobody_there(machine, monkeypatch):
    monkeypatch.setenv("HEARTBEAT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("HEARTBEAT_PING_KEY", "secret-key")
    monkeypatch.setenv("HEARTBEAT_TIMEOUT", "0.2")
    status, _, err = machine.run("ping", "backup")
    assert (status, len(err.splitlines())) == (3, 1)
    assert "cannot be reached" in err


def test_no_address(machine):
    status, _, err = machine.run("ping", "backup")
    assert (status, err.count("HEARTBEAT_URL is not set")) == (3, 1)


@pytest.mark.parametrize(
    "option", [("--exit-status", "256"), ("--exit-status", "-1"), ("--start", "--fail"), ("--rod",)]
)
def test_common_mistakes_of_ping(machine, heard, option):
    status, out, err = machine.run("ping", "backup", *option)
    assert (status, out, heard, len(err.splitlines())) == (2, "", [], 1)


def test_exec_keeps_the_exit_status_and_its_own_options(machine, heard):
    code = "import sys; print('made 3 rows', sys.argv[1:]); sys.exit(5)"
    status, _, _ = machine.run(
        "exec", "backup", "--run-id", RID, "--", sys.executable, "-c", code, "--json", "--db", "x"
    )
    assert status == 5
    assert [path for path, _, _ in heard] == ["/ping/secret-key/backup/start", "/ping/secret-key/backup/5"]
    assert "made 3 rows ['--json', '--db', 'x']" in heard[1][2]


def test_exec_runs_even_when_nobody_listens(machine, monkeypatch):
    monkeypatch.setenv("HEARTBEAT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("HEARTBEAT_PING_KEY", "secret-key")
    monkeypatch.setenv("HEARTBEAT_TIMEOUT", "0.1")
    assert machine.run("exec", "backup", "--", sys.executable, "-c", "pass")[0] == 0


def test_exec_without_a_command(machine):
    status, _, err = machine.run("exec", "backup")
    assert (status, err.count("required: command")) == (2, 1)


@pytest.fixture
def once(machine, heard, monkeypatch, tmp_path):
    """Runs daily-report (Asia/Tokyo, 09:00) unless its slot is done: whether the command ran, and the slots told."""
    monkeypatch.setenv("HEARTBEAT_STATE", str(tmp_path / "state"))
    ran = tmp_path / "ran"

    def run(when):
        ran.unlink(missing_ok=True)
        heard.clear()
        assert machine.run("exec", "daily-report", "--every-slot-once", "--", "touch", str(ran), when=when)[0] == 0
        return ran.exists(), {slot for _, query, _ in heard for slot in query["for"]}

    return run


def test_each_slot_of_jobs_yaml_is_done_once(once):
    assert once("2026-11-22T00:00:00") == (True, {"2026-11-22T09:00:00+09:00"})
    assert once("2026-11-22T23:59:59") == (False, set())
    assert once("2026-11-23T00:00:00") == (True, {"2026-11-23T09:00:00+09:00"})


@pytest.mark.parametrize(
    ("job", "said"),
    [
        ("daily-repot", "jobs.yaml has no job 'daily-repot'; the nearest is daily-report"),
        ("worker", "needs a calendar"),
    ],
)
def test_a_job_without_a_slot_is_told(machine, heard, job, said):
    status, _, err = machine.run("exec", job, "--every-slot-once", "--", "true", when="2026-11-22T00:00")
    assert (status, heard) == (2, [])
    assert said in err


def test_without_jobs_yaml_the_slot_must_be_named(machine, heard):
    status, _, err = machine.run("exec", "job", "--every-slot-once", "--config", "absent.yaml", "--", "true")
    assert (status, heard) == (2, [])
    assert "name it (--for 2026-11-22), or the jobs; no file absent.yaml" in err
