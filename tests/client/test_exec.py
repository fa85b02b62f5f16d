import os
import pty
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from heartbeat import client

ROOT = Path(__file__).parents[2]
DOOR = f"""
import argparse, pathlib, sys
sys.path.insert(0, {str(ROOT)!r})
from heartbeat.client import add_arguments, run_command
parser = argparse.ArgumentParser()
add_arguments(parser)
status = run_command(**vars(parser.parse_args()))
"""
EXIT = "sys.exit(status)"
PEAK = "sys.exit(next(x for x in pathlib.Path('/proc/self/status').read_text().splitlines() if 'VmHWM' in x))"
PY = sys.executable


def command(*args, then=EXIT):
    return [PY, "-W", "error", "-c", DOOR + then, *map(str, args)]


def execute(*args, **options):
    """`heartbeat exec …`, to its end."""
    return subprocess.run(command(*args), capture_output=True, timeout=30, check=False, **options)


@pytest.fixture(autouse=True)
def unheeded():
    """As at a terminal, also when the tests themselves were started with nohup or in the background."""
    before = {each: signal.signal(each, signal.SIG_DFL) for each in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT)}
    yield
    for each, handler in before.items():
        signal.signal(each, handler)


@pytest.fixture
def begin():
    """`heartbeat exec …`, begun; ended when the test ends."""
    begun = []

    def begin(*args, **options):
        begun.append(subprocess.Popen(command(*args), stdout=subprocess.PIPE, **options))
        return begun[-1]

    yield begin
    for process in begun:
        process.kill()
        process.communicate()


def test_a_command_that_ends_well(receiver):
    done = execute("j", "--", "echo", "made 3 reports")
    assert (done.returncode, done.stdout, done.stderr) == (0, b"made 3 reports\n", b"")
    start, end = receiver.pings
    assert receiver.kinds() == ["start", "0"]
    assert end.body == b"made 3 reports\n"
    assert start.query["rid"] == end.query["rid"]
    assert start.query["at"] <= end.query["at"]
    assert 0 < float(end.query["duration"]) < 10


@pytest.mark.parametrize("status", [1, 7, 255])
def test_the_exit_status_is_told_and_kept(receiver, status):
    assert execute("j", "--", "sh", "-c", f"exit {status}").returncode == status
    assert receiver.kinds() == ["start", str(status)]


def test_a_command_that_a_signal_ended(receiver):
    assert execute("j", "--", "sh", "-c", "kill -KILL $$").returncode == 137
    assert receiver.kinds() == ["start", "137"]


def test_a_command_that_there_is_not(receiver):
    done = execute("j", "--", "no-such-command-anywhere")
    assert done.returncode == 127
    assert done.stderr == b"heartbeat exec: no-such-command-anywhere: No such file or directory\n"
    assert receiver.kinds() == ["127"]
    assert receiver.pings[0].body == done.stderr


def test_a_file_that_is_no_command(receiver, tmp_path):
    (tmp_path / "notes.txt").write_text("not a program")
    assert execute("j", "--", tmp_path / "notes.txt").returncode == 126
    assert receiver.kinds() == ["126"]


def test_the_streams_stay_apart_and_the_tail_has_both(receiver):
    script = "echo one; sleep 0.1; echo two >&2; sleep 0.1; printf 'three\\377'; exit 1"
    done = execute("j", "--", "sh", "-c", script)
    assert (done.stdout, done.stderr) == (b"one\nthree\xff", b"two\n")
    assert receiver.pings[1].body == b"one\ntwo\nthree\xff"


def test_the_command_reads_our_stdin(receiver):
    assert execute("j", "--", "wc", "-c", input=b"x" * 300_000).stdout.strip() == b"300000"
    assert receiver.kinds() == ["start", "0"]


@pytest.mark.usefixtures("receiver")
def test_the_command_keeps_descriptors_that_it_was_given():
    """A shell's <(process) and a lock held on a descriptor must go through."""
    read, write = os.pipe()
    os.write(write, b"through")
    os.close(write)
    done = execute("j", "--", "cat", f"/dev/fd/{read}", pass_fds=[read])
    os.close(read)
    assert done.stdout == b"through"


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["j", "--", "printf", "%s ", "a", "--", "--create"], b"a -- --create "),
        (["j", "printf", "%s ", "a", "--create"], b"a --create "),
        (["j", "--no-start", "--", "printf", "%s ", "--"], b"-- "),
        (["--no-start", "j", "--", "printf", "%s ", "--no-start"], b"--no-start "),
    ],
)
@pytest.mark.usefixtures("receiver")
def test_the_commands_own_arguments_are_left_alone(args, said):
    assert execute(*args).stdout == said


def test_options_reach_the_pings(receiver):
    given = "0b7c9d6e-1f2a-4b3c-8d4e-5f60718293a4"
    execute("j", "--run-id", given, "--for", "2026-11-22", "--create", "--", "true")
    assert receiver.kinds() == ["start", "0"]
    for ping in receiver.pings:
        assert {"rid": given, "for": "2026-11-22", "create": "1"}.items() <= ping.query.items()


def test_what_a_trigger_started_is_one_run(receiver, monkeypatch):
    run = "0b7c9d6e-1111-4222-8333-444444444444"
    monkeypatch.setenv("HEARTBEAT_JOB", "j")
    monkeypatch.setenv("HEARTBEAT_RUN_ID", run)
    execute("j", "--", "true")
    assert [ping.query["rid"] for ping in receiver.pings] == [run, run]


def test_no_start_tells_only_the_end(receiver):
    execute("j", "--no-start", "--", "true")
    assert receiver.kinds() == ["0"]


def test_no_output_leaves_the_output_alone(receiver):
    done = execute("j", "--no-output", "--", "sh", "-c", "echo out; echo err >&2; exit 2")
    assert (done.returncode, done.stdout, done.stderr) == (2, b"out\n", b"err\n")
    assert receiver.kinds() == ["start", "2"]
    assert receiver.pings[1].body == b""


@pytest.mark.parametrize("output", [[], ["--no-output"]])
@pytest.mark.parametrize("name", ["TERM", "INT", "HUP", "QUIT", "USR1", "USR2"])
def test_signals_reach_the_command(receiver, begin, name, output):
    script = f"trap 'echo got {name}; exit 9' {name}; echo ready; while :; do sleep 0.02; done"
    process = begin("j", *output, "--", "sh", "-c", script)
    assert process.stdout.readline() == b"ready\n"
    process.send_signal(getattr(signal, f"SIG{name}"))
    assert process.stdout.readline() == f"got {name}\n".encode()
    assert process.wait(timeout=10) == 9
    assert receiver.kinds() == ["start", "9"]


def test_a_command_that_our_signal_ends_has_failed(receiver, begin):
    process = begin("j", "--", "sh", "-c", "echo ready; exec sleep 60")
    process.stdout.readline()
    process.terminate()
    assert process.wait(timeout=10) == 143
    assert receiver.kinds() == ["start", "143"]


def test_a_signal_before_the_command_is_there_is_kept_for_it():
    with client.Signals() as signals:
        os.kill(os.getpid(), signal.SIGTERM)
        child = subprocess.Popen(["sleep", "10"])
        signals.forward_to(child.send_signal)
        assert child.wait() == -signal.SIGTERM


def test_a_signal_while_we_tell_does_not_lose_the_ping(receiver, saying, begin):
    """A service manager stops the whole group: the command is gone before our own signal comes."""
    receiver.answer(saying(), saying(status=503))
    process = begin("j", "--", "sh", "-c", "exit 5")
    receiver.wait_for(2)
    process.terminate()
    assert process.wait(timeout=10) == 5
    assert receiver.kinds() == ["start", "5", "5"]


def test_what_nohup_ignores_the_command_ignores_too(receiver):
    script = "trap '' HUP; exec \"$@\""
    inner = [*command("j", "--", "sh", "-c", "kill -HUP $$; echo alive")]
    done = subprocess.run(["sh", "-c", script, "sh", *inner], capture_output=True, check=True)
    assert done.stdout == b"alive\n"
    assert receiver.kinds() == ["start", "0"]


def test_ignored_sigchld_does_not_hide_a_failure(receiver):
    """Whoever ignores SIGCHLD hands that down, and the kernel then throws exit statuses away."""
    done = execute("j", "--", "sh", "-c", "exit 4", preexec_fn=lambda: signal.signal(signal.SIGCHLD, signal.SIG_IGN))
    assert done.returncode == 4
    assert receiver.kinds() == ["start", "4"]


def test_ctrl_c_at_a_terminal_comes_once(receiver):
    """The terminal sends it to the command itself; a second one from us would mean "stop at once"."""
    script = "n=0; trap 'n=$((n+1))' INT; echo ready; sleep 1; sleep 0.3; echo count=$n"
    child, terminal = pty.fork()
    if child == 0:
        os.execv(PY, command("j", "--no-output", "--", "sh", "-c", script))  # noqa: S606 - a shell would add a process
    said = b""
    while b"ready" not in said:
        said += os.read(terminal, 1000)
    os.write(terminal, b"\x03")
    while b"count" not in said:
        said += os.read(terminal, 1000)
    os.waitpid(child, 0)
    os.close(terminal)
    assert b"count=1" in said
    assert receiver.kinds() == ["start", "0"]


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs /proc to measure the peak")
def test_hundreds_of_megabytes_pass_in_bounded_memory(receiver):
    script = "head -c 200000000 /dev/zero; echo the end"
    writer = subprocess.Popen(
        command("j", "--", "sh", "-c", script, then=PEAK), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    counted = subprocess.run(["wc", "-c"], stdin=writer.stdout, capture_output=True, check=True)
    _, kilobytes, _ = writer.communicate()[1].split()
    assert int(counted.stdout) == 200_000_008
    assert int(kilobytes) < 60_000
    assert 9_900 < len(receiver.pings[1].body) <= 10_000
    assert receiver.pings[1].body.endswith(b"\0the end\n")


def test_output_comes_through_live(receiver, begin):
    process = begin("j", "--", "sh", "-c", "echo now; read -r _", stdin=subprocess.PIPE)
    assert process.stdout.readline() == b"now\n"
    assert process.poll() is None
    process.communicate(b"go on\n", timeout=10)
    assert receiver.kinds() == ["start", "0"]


def test_a_reader_that_goes_away_stops_the_command_as_without_us(receiver):
    writer = subprocess.Popen(command("j", "--", "yes"), stdout=subprocess.PIPE)
    writer.stdout.read(10)
    writer.stdout.close()
    assert writer.wait(timeout=10) == 128 + signal.SIGPIPE
    assert receiver.kinds() == ["start", "141"]


def test_a_full_disk_does_not_stop_the_command(receiver):
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(command("j", "--", "sh", "-c", "echo lost; exit 6"), stdout=full, check=False)
    assert done.returncode == 6
    assert receiver.pings[1].body == b"lost\n"


def test_a_process_left_behind_does_not_hold_us(receiver):
    began = time.monotonic()
    done = execute("j", "--", "sh", "-c", "sleep 5 & echo started", stdin=subprocess.DEVNULL)
    assert time.monotonic() - began < 4
    assert done.stdout == b"started\n"
    assert receiver.kinds() == ["start", "0"]


def test_a_stream_that_is_closed_early_is_no_end(receiver):
    done = execute("j", "--", "sh", "-c", "exec >&- 2>&-; sleep 0.1; exit 3")
    assert done.returncode == 3
    assert receiver.kinds() == ["start", "3"]


def test_a_server_that_is_down_costs_the_command_nothing(nobody):
    done = execute("j", "--", "sh", "-c", "echo worked; exit 3")
    assert (done.returncode, done.stdout) == (3, b"worked\n")
    assert done.stderr.count(f"{nobody} cannot be reached".encode()) == 2


def test_without_configuration_the_command_runs(receiver, monkeypatch):
    monkeypatch.delenv("HEARTBEAT_URL")
    monkeypatch.setenv("HEARTBEAT_RAISE", "1")
    done = execute("j", "--", "sh", "-c", "echo worked; exit 3")
    assert (done.returncode, done.stdout) == (3, b"worked\n")
    assert done.stderr.count(b"HEARTBEAT_URL is not set") == 2
    assert receiver.pings == []


def test_a_server_that_hangs_does_not_delay_the_command(receiver, saying, begin, monkeypatch):
    monkeypatch.setenv("HEARTBEAT_TIMEOUT", "0.3")
    receiver.answer(*[saying(hang=True)] * 6)
    began = time.monotonic()
    process = begin("j", "--", "sh", "-c", "echo worked; exit 3", stderr=subprocess.DEVNULL)
    assert process.stdout.readline() == b"worked\n"
    assert time.monotonic() - began < 0.9
    assert process.wait(timeout=10) == 3
    assert time.monotonic() - began < 4
