"""doctor, and the whole thing once: a real server, pinged and looked at through the command line."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from urllib.error import URLError
from urllib.request import urlopen

import pytest

PROGRAM = [sys.executable, "-c", "import sys; from heartbeat.doors.cli import main; sys.exit(main())"]
KEY = "a-key-of-our-own"


def test_a_machine_that_is_well(night):
    night.run("tick", when="2026-11-22T01:02")
    status, out, err = night.run("doctor")
    assert (status, err) == (0, "")
    assert out.splitlines() == [
        "ok       config: jobs.yaml can be used, with 3 jobs",
        "ok       channel screen: its settings can be read; --send-test sends a test alert",
        "ok       database: heartbeat.db opens",
        "ok       clock: the last sweep was 0 s ago",
        "ok       alerts: 0 wait to be delivered",
        "skipped  server: set HEARTBEAT_URL or --url to look at it from outside",
        "nothing is wrong",
    ]


def test_doctor_in_a_folder_without_anything_says_so(tmp_path, machine, monkeypatch):
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path / "empty")
    for argv in ((), ("--send-test",), ("--json",)):
        status, out, err = machine.run("doctor", *argv)
        told = "heartbeat: nothing was found to look at: go to the folder of jobs.yaml, or give --config, --db, "
        assert (status, err) == (2, f"{told}--url or --stack\n")
        assert [line.split()[0] for line in out.splitlines()] == ([] if "--json" in argv else ["skipped"] * 3)


@pytest.mark.parametrize(
    ("folder", "told"), [("/no/such", "does not exist; make it"), ("/etc/passwd", "is no folder; name the folder")]
)
def test_serve_evidence_no_such_folder(night, folder, told):
    wrong = f"heartbeat: the folder for evidence, {folder} (--evidence, HEARTBEAT_EVIDENCE), {told}"
    status, out, err = night.run("serve", "--port", "0", "--evidence", folder)
    assert (status, out, err.startswith(wrong)) == (2, "", True)
    status, out, err = night.run("tick", "--evidence", folder, when="2026-11-22T01:02")
    assert (status, "MISSED daily-report" in out, err.startswith(wrong)) == (2, True, True)


def test_serve_url_that_is_none_is_refused_before_anything_starts(machine):
    assert machine.run("serve", "--url", "heartbeat.example.org")[::2] == (
        2,
        "heartbeat: --url must be an http or https URL with a host, such as https://example.com/hook\n",
    )


def test_everything_wrong_at_once(night):
    night.write(
        "channels: {ops: {slack: {webhook: '${env:NO_SUCH_SECRET}'}}}\n"
        "jobs: {a: {schedule: '0 9 * * *', timezone: UTC, notify: ops}}\n"
    )
    status, out, _ = night.run("doctor", "--url", "http://127.0.0.1:9", when="2026-11-22T03:00")
    assert status == 1
    assert "problem  channel ops: channel 'ops' (slack): ${env:NO_SUCH_SECRET}: the environment has no" in out
    assert "warning  database: `heartbeat plan` shows 4 changes of the config to apply" in out
    assert "problem  clock: the last sweep was 2 h 2 min ago: is `heartbeat serve` running?" in out
    assert "problem  alerts: 1 wait, the oldest for 2 h 50 min" in out
    assert "problem  server: http://127.0.0.1:9 cannot be reached" in out
    assert out.splitlines()[-1] == "4 problems"


def test_a_clock_that_went_back(night):
    _, out, _ = night.run("doctor", when="2026-11-21T12:00")
    assert "problem  clock: the last sweep is 12 h 58 min in the future: this machine's clock is wrong" in out


def test_a_broken_file_and_a_broken_database(machine):
    machine.write("jobs: [")
    machine.write("x" * 5_000, "heartbeat.db")
    status, out, _ = machine.run("doctor")
    assert status == 1
    assert "problem  config: jobs.yaml:2:" in out
    assert "problem  database: the store heartbeat.db is not a SQLite database" in out


def test_a_test_alert_through_every_channel(machine):
    _, out, _ = machine.run("doctor", "--send-test")
    assert "TEST Heartbeat: this is a test, nothing is wrong; sent by heartbeat doctor" in out
    assert "ok       channel screen: took a test alert" in out
    machine.write("channels: {hook: {webhook: {url: 'http://127.0.0.1:9/', allow_private: true}}}\njobs: {}\n")
    assert "problem  channel hook: did not take a test alert: " in machine.run("doctor", "--send-test")[1]


def test_doctor_as_json(machine):
    found = machine.json_of("doctor", "--send-test")
    assert (found["ok"], found["checks"][0]["name"], found["checks"][0]["found"]) == (True, "config", "ok")


def test_an_address_that_is_none(machine):
    assert "is not an address; write it like https://" in machine.run("doctor", "--url", "example.org")[1]


def test_the_folder_of_evidence(machine, monkeypatch):
    machine.write(
        "defaults: {timezone: UTC, notify: []}\n"
        "jobs: {a: {schedule: '0 9 * * *', evidence: {key: '{date:%Y-%m-%d}'}}}\n"
    )
    assert "warning  evidence: 1 job with evidence, and no folder to look in" in machine.run("doctor")[1]
    monkeypatch.setenv("HEARTBEAT_EVIDENCE", "proofs")
    status, out, _ = machine.run("doctor")
    assert (
        status,
        "problem  evidence: the folder for evidence, proofs (--evidence, HEARTBEAT_EVIDENCE), does not exist" in out,
    ) == (1, True)
    (machine.folder / "proofs").mkdir()
    assert "ok       evidence: the folder proofs can be read" in machine.run("doctor")[1]
    monkeypatch.setenv("HEARTBEAT_PORT", "x")
    assert "problem  settings: HEARTBEAT_PORT is 'x'" in machine.run("doctor")[1]


@pytest.fixture
def server(tmp_path):
    """(address, folder) of a real server that knows KEY."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    (tmp_path / "jobs.yaml").write_text("defaults: {timezone: UTC, notify: []}\njobs: {backup: {schedule: every 1h}}\n")
    environ = os.environ | {"HEARTBEAT_PING_KEY": KEY, "HEARTBEAT_PORT": str(port)}
    process = subprocess.Popen([*PROGRAM, "serve"], cwd=tmp_path, env=environ, stdout=-1, stderr=-1)
    try:
        wait_for(f"http://127.0.0.1:{port}/healthz")
        yield f"http://127.0.0.1:{port}", tmp_path
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=20)


def wait_for(url):
    for _ in range(200):
        try:
            urlopen(url, timeout=1).close()  # noqa: S310 - our own server
        except (URLError, OSError):
            time.sleep(0.05)
        else:
            return
    raise AssertionError(f"{url} never answered")


def test_the_whole_thing(server):
    url, folder = server
    environ = os.environ | {"HEARTBEAT_PING_KEY": KEY, "HEARTBEAT_URL": url}

    def run(*argv, **more):
        done = subprocess.run(
            [*PROGRAM, *argv], cwd=folder, env=environ | more, capture_output=True, check=False, timeout=30
        )
        return done.returncode, done.stdout.decode(), done.stderr.decode()

    assert run("ping", "backup", "--body", "7 rows") == (0, "", "")
    job = json.loads(run("status", "backup", "--json")[1])["jobs"][0]
    assert (job["standing"], job["last_success"] is None) == ("up", False)
    status, out, err = run("ping", "bakcup")
    assert (status, out) == (3, "")
    assert "did you mean backup?" in err

    status, out, _ = run("doctor")
    assert (status, out.splitlines()[-1]) == (0, "nothing is wrong")
    assert "ok       ping key: the server takes it" in out
    status, out, _ = run("doctor", HEARTBEAT_PING_KEY="another-key")
    assert status == 1
    assert "problem  ping key: the server does not take it (it answered 404)" in out


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (("--port", "99999"), "--port is '99999'; give a number from 0 to 65535"),
        (("--log", "xml"), "--log is 'xml'; choose text or json"),
        (("--config", "no.yaml"), "no.yaml:1:1: the file cannot be read"),
        (("--json",), "unrecognized arguments: --json"),
    ],
)
def test_common_mistakes_of_serve(machine, monkeypatch, argv, words):
    monkeypatch.setenv("HEARTBEAT_PORT", "0")
    status, out, err = machine.run("serve", *argv)
    assert (status, out, len(err.splitlines())) == (2, "", 1)
    assert words in err
