"""`heartbeat.sh run` and the descriptors of the job: all of them are the command's, as without us."""

import shutil
import subprocess
from pathlib import Path

import pytest
from languages import KEY

CLIENT = Path(__file__).parents[2] / "clients" / "shell" / "heartbeat.sh"
SHELLS = {"dash": "dash", "bash": "bash", "busybox": "busybox ash"}


@pytest.fixture(params=SHELLS)
def typed(request, tmp_path, receiver):
    """Types a line, with heartbeat.sh run by one of the shells."""
    assert shutil.which(request.param), f"there is no {request.param}"
    (tmp_path / "rows").write_text("3 rows\n")

    def typed(line):
        line = line.replace("heartbeat.sh", f"{SHELLS[request.param]} {CLIENT}", 1)
        environ = {"PATH": "/usr/bin:/bin", "HEARTBEAT_URL": receiver.url, "HEARTBEAT_PING_KEY": KEY}
        return subprocess.run(
            ["sh", "-c", line], env=environ, cwd=tmp_path, capture_output=True, text=True, timeout=20, check=False
        )

    return typed


@pytest.mark.parametrize("number", [3, 9])
def test_a_descriptor_that_the_job_opened_is_the_commands(receiver, typed, number):
    done = typed(f"echo in | heartbeat.sh run j -- sh -c 'cat; cat <&{number}' {number}<rows")
    assert (done.returncode, done.stdout, done.stderr) == (0, "in\n3 rows\n", "")
    assert [ping.path[3:] for ping in receiver.seen] == [["start"], []]


@pytest.mark.parametrize("closed", [">&-", "<&-", "2>&-", "<&- >&- 2>&-"])
def test_with_streams_closed_the_command_still_runs(receiver, typed, tmp_path, closed):
    assert typed(f"heartbeat.sh run j -- sh -c 'echo ran >ran' {closed}").returncode == 0
    assert (tmp_path / "ran").read_text() == "ran\n"
    assert [ping.path[3:] for ping in receiver.seen] == [["start"], []]
