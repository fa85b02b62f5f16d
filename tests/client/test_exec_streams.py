"""`heartbeat exec` where its own streams fail, are closed, or were never there: on real processes, as typed."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROGRAMS = {
    "heartbeat.py": f"{sys.executable} -W error {ROOT / 'clients' / 'python' / 'heartbeat.py'}",
    "heartbeat": f"{sys.executable} -W error -c 'import sys; from heartbeat.doors.cli import main; sys.exit(main())'",
}
FULL = "heartbeat exec: standard {} was not written: No space left on device\n"
CLOSED = [">&-", "2>&-", "<&-", ">&- 2>&-", "<&- >&- 2>&-"]


@pytest.fixture(params=PROGRAMS)
def typed(request, tmp_path):
    """Types `heartbeat …` at a shell."""

    def typed(line):
        line = line.replace("heartbeat ", PROGRAMS[request.param] + " ", 1)
        environ = os.environ | {"PYTHONPATH": str(ROOT), "HEARTBEAT_STATE": str(tmp_path)}
        return subprocess.run(["sh", "-c", line], env=environ, capture_output=True, text=True, timeout=30, check=False)

    return typed


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("heartbeat exec j -- echo 3 rows >/dev/full", FULL.format("output")),
        ("heartbeat exec j -- sh -c 'echo 3 rows >&2' 2>/dev/full", ""),
        ("heartbeat exec j --timeout 1m -- echo 3 rows >/dev/full", FULL.format("output")),
    ],
)
def test_a_dump_on_a_full_disk_is_no_success(receiver, typed, line, said):
    done = typed(line)
    assert (done.returncode, done.stderr) == (74, said)
    assert receiver.kinds() == ["start", "74"]
    assert receiver.pings[1].body.startswith(b"3 rows\nheartbeat exec: standard ")


def test_on_a_full_disk_the_command_goes_on_and_keeps_its_own_status(receiver, typed):
    done = typed("heartbeat exec j -- sh -c 'echo 3 rows; echo on >&2; exit 6' >/dev/full")
    assert (done.returncode, done.stderr) == (6, "on\n" + FULL.format("output"))
    assert receiver.kinds() == ["start", "6"]


@pytest.mark.parametrize("closed", CLOSED)
@pytest.mark.parametrize("options", ["", "--no-output", "--lock", "--timeout 1m"])
def test_with_streams_closed_the_command_still_runs(receiver, typed, tmp_path, closed, options):
    done = typed(f"heartbeat exec {options} j -- sh -c 'echo out; echo ran >{tmp_path}/ran' {closed}")
    assert done.returncode == 0
    assert (tmp_path / "ran").read_text() == "ran\n"
    assert done.stdout == ("" if ">&-" in closed.replace("2>&-", "") else "out\n")
    assert receiver.kinds() == ["start", "0"]


@pytest.mark.parametrize("closed", CLOSED)
@pytest.mark.parametrize("typed", ["heartbeat"], indirect=True)
def test_a_ping_with_streams_closed_is_delivered(receiver, typed, closed):
    assert typed(f"heartbeat ping j {closed}").returncode == 0
    assert receiver.kinds() == [""]


@pytest.mark.parametrize("most", [7, 8, 9])
def test_with_hardly_a_descriptor_left_the_command_still_runs(receiver, typed, most):
    assert typed(f"ulimit -n {most}; heartbeat exec j --no-output -- echo ran").stdout == "ran\n"
    assert receiver.kinds()[-1] == "0"


@pytest.mark.parametrize("slug", ["j", "$(printf 'a\\377b')"])
def test_without_a_home_or_with_bytes_for_a_name_a_locked_command_still_runs(receiver, typed, slug):
    done = typed(f"unset HOME; heartbeat exec --lock {slug} -- echo ran")
    assert (done.returncode, done.stdout) == (0, "ran\n")
    assert receiver.kinds() == ["start", "0"]


def test_in_a_thread_the_command_still_runs(receiver):
    code = (
        "import threading; from heartbeat import client\n"
        "work = threading.Thread(target=lambda: print(client.run_command(['sleep', '0.1'], slug='j')))\n"
        "work.start(); work.join()"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("0\n", "")
    assert receiver.kinds() == ["start", "0"]


def test_as_process_1_it_leaves_no_zombies(receiver, typed):
    orphan = '(sh -c "sleep 0.1" & ) ; sleep 1; grep -l "^State:.Z" /proc/[0-9]*/status; true'
    done = typed(f"unshare -Urpf --mount-proc heartbeat exec j -- sh -c '{orphan}'")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert receiver.kinds() == ["start", "0"]


def test_a_metric_typed_to_exec_is_told_with_the_end(receiver, typed):
    assert typed("heartbeat exec j --metric rows=3 -- true").returncode == 0
    start, end = receiver.pings
    assert ("metric" in start.query, end.query["metric"]) == (False, "rows:3.0")
    assert "'rows' is no metric; give it the form rows=3" in typed("heartbeat exec j --metric rows -- true").stderr


@pytest.mark.parametrize("typed", ["heartbeat"], indirect=True)
def test_a_ping_that_is_refused_is_told_in_the_words_of_the_command_line(receiver, typed, saying):
    receiver.answer(saying(status=404, body=b"not found"), saying(status=400, body=b"invalid"))
    assert "or pass --create to have the job made" in typed("heartbeat ping j --metric rows=3").stderr
    assert "(0-255), --rid (a uuid) and --for" in typed("heartbeat ping j").stderr
    assert receiver.pings[0].query["metric"] == "rows:3.0"
