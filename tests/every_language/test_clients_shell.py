"""What the shell client starts: each program is a process more, and they are what a ping costs. Counted, not timed."""

import os
import re
import shutil
import subprocess
from collections import Counter
from pathlib import Path

import pytest
from languages import KEY, SHELL_TOOLS

CLIENT = Path(__file__).parents[2] / "clients" / "shell" / "heartbeat.sh"
SHELLS = [shell for shell in ("dash", "bash", "busybox") if shutil.which(shell)]
UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"


@pytest.fixture(params=SHELLS)
def sh(request, tmp_path, receiver):
    """Runs the client in a shell, and answers the programs that it started; some of BusyBox's are within its shell."""
    tools, log = tmp_path / "tools", tmp_path / "started"
    tools.mkdir()
    for name in [*SHELL_TOOLS.split(), "curl"]:
        (tools / name).write_text(f'#!/bin/sh\necho {name} >>{log}\nexec {shutil.which(name)} "$@"\n')
        (tools / name).chmod(0o755)
    shell = [shutil.which(request.param), *["ash"][: request.param == "busybox"]]
    environ = {"PATH": str(tools), "HEARTBEAT_URL": receiver.url, "HEARTBEAT_PING_KEY": KEY}

    def run(*argv, client=CLIENT):
        done = subprocess.run([*shell, client, *argv], env=environ, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
        return Counter(log.read_text().split()) if request.param != "busybox" else None

    return run


def test_a_ping_asks_the_time_and_sends(sh, receiver):
    assert sh("ping", "daily-report", "3 rows") in (None, {"date": 1, "curl": 1, "head": 1})
    assert receiver.seen[0].body == b"3 rows"


@pytest.mark.skipif(not os.access("/proc/sys/kernel/random/uuid", os.R_OK), reason="Linux has uuids to read")
def test_a_run_asks_the_time_when_it_begins_and_ends(sh, receiver):
    assert sh("run", "daily-report", "--", "/bin/true") in (None, {"date": 3, "curl": 2, "head": 2})
    assert [ping.path[3:] for ping in receiver.seen] == [["start"], []]


def test_a_run_has_its_id_where_no_file_has_any(sh, receiver, tmp_path):
    """As on macOS and the BSDs."""
    elsewhere = tmp_path / "heartbeat.sh"
    elsewhere.write_text(CLIENT.read_text().replace("/proc/sys/kernel/random/uuid", "/nowhere/uuid"))
    sh("run", "daily-report", "--", "/bin/true", client=elsewhere)
    (run_id,) = {ping.query["rid"] for ping in receiver.seen}
    assert re.fullmatch(UUID, run_id)
    assert {len(bytes.fromhex(ping.headers["heartbeat-id"])) for ping in receiver.seen} == {16}


@pytest.mark.parametrize("text", ["é" * 6_000, "日" * 4_000, "x" * 2_501, "x\n\n"])
def test_of_a_body_in_any_writing_the_last_10000_bytes_arrive(sh, receiver, text):
    sh("log", "daily-report", text)
    assert receiver.seen[0].body == text.encode()[-10_000:]
