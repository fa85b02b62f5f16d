"""`heartbeat exec` that stops, that does not begin, and that shortens: on real processes."""

import contextlib
import fcntl
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SINGLE = ROOT / "clients" / "python" / "heartbeat.py"
PY = sys.executable
STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(60)"


@pytest.fixture(autouse=True)
def state(tmp_path, monkeypatch):
    monkeypatch.setenv("HEARTBEAT_STATE", str(tmp_path / "state"))
    return tmp_path / "state"


def command(*args):
    """The one file alone, as it is copied."""
    return [PY, "-W", "error", str(SINGLE), "exec", *map(str, args)]


def execute(*args, **options):
    return subprocess.run(command(*args), capture_output=True, timeout=30, check=False, **options)


@pytest.fixture
def running(receiver):
    """One that is under way: it has told its start."""
    begun = []

    def begin(*args):
        begun.append(subprocess.Popen(command(*args), stdout=subprocess.PIPE, stderr=subprocess.PIPE))
        assert begun[-1].stdout.readline() == b"up\n"
        with receiver.arrived:
            assert receiver.arrived.wait_for(lambda: receiver.pings, 20)
        return begun[-1]

    yield begin
    for process in begun:
        process.terminate()
        process.communicate()


def is_alive(pid):
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, 0)
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    return False


def test_a_long_output_keeps_its_beginning_and_its_end(receiver):
    execute("j", "--no-start", "--", "sh", "-c", "echo the beginning; seq 100000; echo the end")
    (end,) = receiver.pings
    assert len(end.body) <= 10_000
    assert end.body.startswith(b"the beginning\n1\n2\n")
    assert end.body.endswith(b"100000\nthe end\n")
    head, note, tail = end.body.partition(b" bytes left out ...]\n")
    head, _, left = head.rpartition(b"\n[... ")
    assert len(head) + int(left.replace(b",", b"")) + len(tail) == len("the beginning\nthe end\n") + 588_895
    assert note


@pytest.mark.parametrize("size", [9_999, 10_000])
def test_an_output_that_fits_is_whole(receiver, size):
    execute("j", "--no-start", "--", "sh", "-c", f"head -c {size} /dev/zero | tr '\\0' x")
    assert receiver.pings[0].body == b"x" * size


def test_a_command_that_takes_too_long_is_stopped_with_its_process_group(receiver, tmp_path):
    pid = tmp_path / "pid"
    done = execute("j", "--timeout", "1s", "--", "sh", "-c", f"sleep 60 & echo $! > {pid}; echo before; wait")
    assert (done.returncode, done.stdout) == (124, b"before\n")
    assert done.stderr == b"heartbeat exec: sh was stopped after 1 s (--timeout)\n"
    start, end = receiver.pings
    assert (start.kind, end.kind) == ("start", "124")
    assert end.body == b"before\n" + done.stderr
    assert not is_alive(int(pid.read_text()))


def test_a_command_that_does_not_listen_is_killed(receiver, monkeypatch, tmp_path):
    short = SINGLE.read_text().replace("KILL_AFTER = 10.0", "KILL_AFTER = 0.2")
    (tmp_path / "heartbeat.py").write_text(short)
    monkeypatch.setattr(sys.modules[__name__], "SINGLE", tmp_path / "heartbeat.py")
    done = execute("j", "--timeout", "1", "--", PY, "-c", STUBBORN)
    assert (done.returncode, receiver.kinds()) == (124, ["start", "124"])


def test_a_command_that_is_in_time_is_not_stopped(receiver):
    assert execute("j", "--timeout", "20s", "--", "sh", "-c", "exit 3").returncode == 3
    assert receiver.kinds() == ["start", "3"]


@pytest.mark.parametrize(("text", "said"), [("soon", "'soon' is no time"), ("0s", "'0s' would leave no time at all")])
def test_a_limit_that_is_none_is_told(text, said):
    done = execute("j", "--timeout", text, "--", "true")
    assert done.returncode == 2
    assert said in done.stderr.decode()


def test_a_signal_reaches_all_of_a_command_that_has_a_limit(running, receiver):
    process = running("j", "--timeout", "1m", "--", "sh", "-c", "sleep 60 & echo up; wait; exit 9")
    process.send_signal(signal.SIGTERM)
    assert process.wait(20) == 143
    assert receiver.kinds() == ["start", "143"]


def test_two_do_not_run_at_once(running, receiver):
    running("j", "--lock", "--", "sh", "-c", "echo up; exec sleep 60")
    done = execute("j", "--lock", "--", "echo", "second")
    assert (done.returncode, done.stdout) == (75, b"")
    assert done.stderr.startswith(b"heartbeat exec: 'j' runs already on this machine (")
    assert receiver.kinds() == ["start", "log"]
    assert receiver.pings[1].body == done.stderr
    assert receiver.pings[0].query["rid"] != receiver.pings[1].query["rid"]


@pytest.mark.usefixtures("receiver")
def test_another_job_and_one_without_a_lock_do_run(running):
    running("j", "--lock", "--", "sh", "-c", "echo up; exec sleep 60")
    assert execute("k", "--lock", "--", "echo", "other").stdout == b"other\n"
    assert execute("j", "--", "echo", "unlocked").stdout == b"unlocked\n"


@pytest.mark.usefixtures("receiver")
def test_the_lock_ends_with_the_command_and_not_with_what_it_leaves_behind():
    leave = "setsid sleep 60 >/dev/null 2>&1 & echo $!"
    left = int(execute("j", "--lock", "--", "sh", "-c", leave).stdout)
    try:
        assert execute("j", "--lock", "--", "echo", "again").stdout == b"again\n"
    finally:
        os.kill(left, signal.SIGKILL)


def test_a_command_whose_watcher_was_killed_still_holds_the_lock(running, state):
    process = running("j", "--lock", "--", "sh", "-c", "echo up; exec sleep 60")
    (child,) = map(int, Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split())
    try:
        process.kill()
        process.wait()
        assert execute("j", "--lock", "--", "echo", "second").returncode == 75
    finally:
        os.kill(child, signal.SIGKILL)
    with (state / "j.lock").open() as lock:
        for _ in range(100):
            with contextlib.suppress(BlockingIOError):
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            time.sleep(0.05)
        else:
            pytest.fail("the lock outlived the command")


def test_without_a_place_for_the_lock_the_command_does_not_begin_and_it_is_told(receiver, monkeypatch, tmp_path):
    (tmp_path / "file").touch()
    monkeypatch.setenv("HEARTBEAT_STATE", str(tmp_path / "file"))
    done = execute("j", "--lock", "--", "echo", "ran")
    assert (done.returncode, done.stdout) == (73, b"")
    assert b"set HEARTBEAT_STATE to another folder" in done.stderr
    assert receiver.kinds() == ["fail"]


def test_a_slot_is_done_once(receiver):
    first = execute("j", "--every-slot-once", "--for", "2026-11-22", "--", "echo", "work")
    second = execute("j", "--every-slot-once", "--for", "2026-11-22", "--", "echo", "work")
    other = execute("j", "--every-slot-once", "--for", "2026-11-23", "--", "echo", "work")
    assert [(d.returncode, d.stdout) for d in (first, second, other)] == [(0, b"work\n"), (0, b""), (0, b"work\n")]
    assert second.stderr == b"heartbeat exec: 2026-11-22 of 'j' was done on this machine; not again\n"
    assert [(p.kind, p.query["for"]) for p in receiver.pings] == [
        ("start", "2026-11-22"),
        ("0", "2026-11-22"),
        ("start", "2026-11-23"),
        ("0", "2026-11-23"),
    ]


@pytest.mark.usefixtures("receiver")
def test_a_slot_whose_run_failed_is_run_again():
    slot = ("j", "--every-slot-once", "--for", "2026-11-22", "--")
    assert execute(*slot, "false").returncode == 1
    assert execute(*slot, "echo", "work").stdout == b"work\n"
    assert execute(*slot, "echo", "work").stdout == b""


def test_a_slot_under_way_is_not_begun_again(running, receiver):
    slot = ("j", "--every-slot-once", "--for", "2026-11-22", "--")
    running(*slot, "sh", "-c", "echo up; exec sleep 60")
    assert execute(*slot, "echo", "work").returncode == 75
    assert receiver.kinds() == ["start", "log"]


def test_a_thousand_slots_are_remembered_and_no_more(receiver, state):
    state.mkdir()
    (state / "j.lock").write_text("".join(f"slot-{n}\n" for n in range(1_000)))
    assert execute("j", "--every-slot-once", "--for", "slot-0", "--", "echo", "work").stdout == b""
    assert execute("j", "--every-slot-once", "--for", "slot-1000", "--", "echo", "work").stdout == b"work\n"
    lines = (state / "j.lock").read_text().splitlines()
    assert (len(lines), lines[0], lines[-1]) == (1_000, "slot-1", "slot-1000")
    assert receiver.kinds() == ["start", "0"]


def test_the_single_file_needs_the_slot_to_be_named():
    done = execute("j", "--every-slot-once", "--", "true")
    assert done.returncode == 2
    assert b"--every-slot-once needs the slot: --for 2026-11-22" in done.stderr


def test_a_slot_cannot_lead_out_of_the_folder(receiver, state):
    execute("../../j", "--lock", "--", "true")
    assert [path.name for path in state.iterdir()] == ["..%2F..%2Fj.lock"]
    assert receiver.kinds() == ["start", "0"]


@pytest.mark.parametrize("link", [os.symlink, os.link])
def test_no_link_leads_to_a_file_of_ours(receiver, state, tmp_path, link):
    """Whoever may write to the folder could put one there, and what we note of slots would be written into the file."""
    precious = tmp_path / "precious"
    precious.write_text("precious\n")
    state.mkdir()
    link(precious, state / "j.lock")
    done = execute("j", "--every-slot-once", "--for", "2026-11-22", "--", "echo", "ran")
    assert (done.returncode, done.stdout) == (73, b"")
    assert b"set HEARTBEAT_STATE to another folder" in done.stderr
    assert precious.read_text() == "precious\n"
    assert receiver.kinds() == ["fail"]


def test_what_is_kept_is_for_us_alone(receiver, state):
    execute("j", "--lock", "--", "true")
    assert [oct(path.stat().st_mode & 0o777) for path in (state, state / "j.lock")] == ["0o700", "0o600"]
    assert receiver.kinds() == ["start", "0"]


@pytest.mark.parametrize("args", [("j", "--", "--"), ("j",)])
def test_no_command_at_all_is_a_line(args):
    done = execute(*args)
    assert done.returncode == 2
    assert b"Traceback" not in done.stderr
