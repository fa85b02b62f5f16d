"""Where a person looks and where a program looks; and the base install, which has neither rich nor YAML."""

import os
import pty
import select
import subprocess
import sys

import pytest

from heartbeat.distribution import install

PROGRAM = "import sys; from heartbeat.doors.cli import main; sys.exit(main(clock=lambda: {now}))"
BARE = """
import sys
class Blocker:
    def find_spec(self, name, path=None, target=None):
        top = name.partition(".")[0]
        ours = top in sys.stdlib_module_names or top.startswith("_sysconfigdata") or top == "heartbeat"
        if top in {names!r} or not ({names!r} or ours):
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Blocker())
"""


def on_a_terminal(night, *argv, **environ):
    """What a person sees, with its escapes, and the exit status."""
    main, other = pty.openpty()
    env = {k: v for k, v in os.environ.items() if k not in {"NO_COLOR", "TERM"}}
    env |= {"TERM": "xterm-256color", "COLUMNS": "120", "LINES": "40"} | environ
    argv = [sys.executable, "-c", PROGRAM.format(now=night.now), *argv]
    process = subprocess.Popen(argv, stdin=other, stdout=other, stderr=subprocess.PIPE, cwd=night.folder, env=env)
    os.close(other)
    seen = b""
    while select.select([main], [], [], 30)[0]:
        try:
            chunk = os.read(main, 65_536)
        except OSError:  # the other end is closed
            break
        if not chunk:
            break
        seen += chunk
    os.close(main)
    process.communicate(timeout=30)
    return process.returncode, seen.decode()


def piped(night, *argv, code="", **environ):
    argv = [sys.executable, "-c", code + PROGRAM.format(now=night.now), *argv]
    env = os.environ | environ
    done = subprocess.run(argv, cwd=night.folder, env=env, capture_output=True, check=False, timeout=30)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def test_a_person_sees_colours_and_a_drawn_table(night):
    status, seen = on_a_terminal(night, "status")
    assert status == 1
    assert "\x1b[1;31m1 down\x1b[0m" in seen
    assert "\x1b[32mup" in seen
    assert "────" in seen
    assert max(len(line) for line in plain(seen).splitlines()) <= 120


def plain(seen):
    for code in (
        "\x1b[0m",
        "\x1b[1m",
        "\x1b[2m",
        "\x1b[1;31m",
        "\x1b[31m",
        "\x1b[32m",
        "\x1b[33m",
        "\x1b[35m",
        "\x1b[36m",
    ):
        seen = seen.replace(code, "")
    return seen


@pytest.mark.parametrize("how", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_without_colours_when_the_environment_says_so(night, how):
    seen = on_a_terminal(night, "status", **how)[1]
    assert "\x1b[31m" not in seen
    assert "\x1b[1;31m" not in seen
    assert "daily-report" in seen


def test_without_colours_when_asked(night):
    assert "[31m" not in on_a_terminal(night, "status", "--no-color")[1].replace("1;", "")


def test_a_program_sees_plain_aligned_text(night):
    status, out, err = piped(night, "status")
    assert (status, err, "\x1b" in out) == (1, "", False)
    assert out.splitlines()[4].split()[:3] == ["JOB", "STATUS", "SINCE"]


def test_a_person_sees_plan_and_check_in_colour(night):
    assert "\x1b[32m" in on_a_terminal(night, "plan", "--db", "other.db")[1]
    assert "\x1b[32mjobs.yaml: fine" in on_a_terminal(night, "check")[1]


def test_a_pipe_that_closes_early_is_no_trouble(night):
    program = f'{sys.executable} -c "{PROGRAM.format(now=night.now)}"'
    script = f'{program} next "* * * * *" -n 1000 | head -1; exit ${{PIPESTATUS[0]}}'
    done = subprocess.run(["bash", "-c", script], cwd=night.folder, capture_output=True, check=False, timeout=30)
    assert (done.stderr, done.stdout.count(b"\n")) == (b"", 1)
    assert done.returncode in {0, 141}


def test_an_output_that_cannot_say_it_in_its_encoding(night):
    status, out, err = piped(night, "explain", "daily-report", PYTHONIOENCODING="ascii", PYTHONUTF8="0")
    assert (status, err) == (0, "")
    assert "\\u65e5\\u6b21" in out


def bare(night, *argv, names=(), **environ):
    return piped(night, *argv, code=BARE.format(names=names), **environ)


def test_the_base_install_pings_and_runs(machine):
    environ = {"HEARTBEAT_URL": "http://127.0.0.1:9", "HEARTBEAT_PING_KEY": "secret-key", "HEARTBEAT_TIMEOUT": "0.1"}
    status, _, err = bare(machine, "ping", "backup", **environ)
    assert (status, err.count("cannot be reached")) == (3, 1)
    status, out, _ = bare(machine, "exec", "backup", "--", "echo", "hello", **environ)
    assert (status, out) == (0, "hello\n")
    assert bare(machine)[0] == bare(machine, "--version")[0] == bare(machine, "ping", "--help")[0] == 0


@pytest.mark.parametrize("command", ["check", "apply", "serve", "tick", "doctor"])
def test_what_needs_more_says_what_to_install(machine, command):
    status, out, err = bare(machine, command)
    assert (status, out, len(err.splitlines())) == (2, "", 1)
    assert err.startswith("heartbeat: this needs ")
    assert err.endswith(f"which is not installed: {install('serve')}\n")


def test_serve_misses_its_http_server_before_it_starts_anything(machine):
    status, out, err = bare(machine, "serve", names=["uvicorn"])
    assert (status, out) == (2, "")
    assert err == f"heartbeat: this needs uvicorn, which is not installed: {install('serve')}\n"


def test_without_rich_a_person_gets_the_plain_table(night):
    code = "import sys; sys.modules['rich.console'] = sys.modules['rich'] = None\n"
    status, out, _ = piped(night, "status", code=code)
    assert (status, "JOB " in out) == (1, True)


def test_a_small_window_leaves_the_schedule_out(night):
    assert "schedule" not in on_a_terminal(night, "status", COLUMNS="80")[1]
    assert "schedule" in on_a_terminal(night, "status", COLUMNS="160")[1]
