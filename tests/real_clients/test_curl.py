"""curl and wget, in the lines that people put into their crontabs."""

import os
import signal
import subprocess

import pytest
from programs import TOOLS, everything
from served import KEY

HTTP_ERROR, NO_CONNECTION = 22, 7
"""What curl exits with (man curl, EXIT CODES)."""
WGET_NETWORK, WGET_REFUSED = 4, 8
"""The same of wget (man wget, EXIT STATUS)."""


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("curl -fsS -m 10 --retry 5 -o /dev/null $URL", "success"),
        ("curl -fsS -m 10 --retry 5 -o /dev/null $URL/start", "start"),
        ("curl -fsS -m 10 -o /dev/null $URL/fail", "fail"),
        ("curl -fsS -m 10 -o /dev/null --data-raw 'rows: 3 ✓' $URL/log", "log rows: 3 ✓"),
        ("echo 'two\nlines' | curl -fsS -m 10 -o /dev/null --data-binary @- $URL", "success two\nlines"),
        ("curl -fsS -m 10 --head -o /dev/null $URL", "success"),
        ("curl -fsS --http2 -m 10 -o /dev/null $URL", "success"),
        ("curl -fsS -m 10 -T - $URL/fail -X POST -o /dev/null < words", "fail some words"),
        ("wget -q -T 10 -t 5 -O /dev/null $URL", "success"),
        ("wget -q -T 10 -O /dev/null --post-data='rows=3' $URL/start", "start rows=3"),
        ("wget -q -T 10 -O /dev/null --post-file=words $URL", "success some words"),
        ("wget --spider -q -T 10 $URL", "success"),
    ],
)
def test_a_line_tells(job, programs, line, told):
    programs.write("words", "some words")
    ran = programs("sh", "-c", line, URL=job.url)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert job.told() == [told]


def test_by_uuid(job, programs):
    assert programs("curl", "-fsS", f"{job.base}/ping/{job.uuid}/start").stdout == "OK"
    assert programs("wget", "-q", "-O-", f"{job.base}/ping/{job.uuid}").stdout == "OK"
    assert job.told() == ["start", "success"]


@pytest.mark.parametrize(("status", "told"), [(0, "success"), (3, "fail")])
def test_the_exit_status_of_the_job_is_told_and_kept(job, programs, status, told):
    line = f"sh -c 'exit {status}'; status=$?; curl -fsS -m 10 --retry 5 -o /dev/null $URL/$status; exit $status"
    assert programs("sh", "-c", line, URL=job.url).returncode == status
    assert [(signal.kind, signal.exit_status) for signal in job.signals()] == [(told, status)]


def test_two_runs_at_once_are_kept_apart(job, programs):
    """Both start, the one that started last ends first; each `rid` joins its two."""
    line = """
        one=$(cat /proc/sys/kernel/random/uuid) two=$(cat /proc/sys/kernel/random/uuid)
        for step in "/start?rid=$one" "/start?rid=$two" "/3?rid=$two" "?rid=$one"; do
            curl -fsS -m 10 -o /dev/null "$URL$step"
        done
        echo $one $two"""
    one, two = programs("sh", "-c", line, URL=job.url).stdout.split()
    assert [(signal.kind, signal.run_id) for signal in job.signals()] == [
        ("start", one),
        ("start", two),
        ("fail", two),
        ("success", one),
    ]
    assert job.state().runs == ()


def test_a_job_is_made_when_asked_for(server, programs):
    made = programs("curl", "-fsS", "-w", " %{http_code}", f"http://127.0.0.1:{server.port}/ping/{KEY}/new?create=1")
    assert made.stdout == "Created 201"
    assert [signal.kind for signal in server.history("new")] == ["success"]


@pytest.mark.parametrize("path", [f"/ping/{KEY}/no-such-job", "/ping/wrong-key/job-000"])
def test_what_is_not_there_is_refused_and_nothing_recorded(server, programs, path):
    before = everything(server)
    address = f"http://127.0.0.1:{server.port}{path}"
    curl = programs("curl", "-fsS", "-m", "10", "--retry", "5", address)
    assert (curl.returncode, curl.stderr) == (HTTP_ERROR, "curl: (22) The requested URL returned error: 404\n")
    assert programs("wget", "-q", "-T", "10", "-t", "5", "-O-", address).returncode == WGET_REFUSED
    assert everything(server) == before


def test_down(nowhere, programs):
    assert programs("curl", "-fsS", "-m", "10", f"{nowhere}/ping/{KEY}/job-000").returncode == NO_CONNECTION
    assert programs("wget", "-q", "-T", "10", "-t", "2", "-O-", nowhere).returncode == WGET_NETWORK


def test_whoever_tries_again_gets_through_a_restart(serve):
    """Both begin while nobody listens."""
    server = serve()
    address = f"http://127.0.0.1:{server.port}/ping/{KEY}/job-000"
    assert server.stop() == 0
    lines = [
        f"curl -fsS -m 10 --retry 20 --retry-connrefused --retry-delay 1 --data-raw curl {address}",
        f"wget -q -T 10 -t 20 --waitretry=1 --retry-connrefused --post-data=wget -O- {address}",
    ]
    waiting = [subprocess.Popen(["sh", "-c", line], stdout=subprocess.PIPE, text=True) for line in lines]
    server = serve()
    assert [client.communicate(timeout=30)[0] for client in waiting] == ["OK", "OK"]
    assert sorted(signal.body for signal in server.history("job-000")) == ["curl", "wget"]


def test_a_new_front_is_not_noticed_by_a_client_that_tries_once(serve, programs):
    """The process that speaks HTTP is killed: callers wait in the socket's queue until the next one takes them."""
    server = serve()
    assert server.ask("GET", "/healthz").status == 200
    front = server.front
    assert front > 1
    os.kill(front, signal.SIGKILL)
    ran = programs("curl", "-fsS", "-m", "20", f"http://127.0.0.1:{server.port}/ping/{KEY}/job-000")
    assert (ran.returncode, ran.stdout) == (0, "OK")
    assert len(server.history("job-000")) == 1
    assert server.front != front


def test_the_tools_are_there():
    """A missing client fails here by its name, before everything that needs it."""
    wanted = ["borgmatic", "node", "npm", "sentry-cli"]
    assert [name for name in wanted if not (TOOLS / "bin" / name).exists()] == []
