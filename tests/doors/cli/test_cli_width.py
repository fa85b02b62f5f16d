"""`status` in windows of every width: a line a job, whatever the jobs are called."""

import contextlib
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from fcntl import ioctl
from io import StringIO

import pytest
from test_cli_terminal import PROGRAM, on_a_terminal

from heartbeat.doors.cli.screen import Screen
from heartbeat.doors.cli.table import Column, cut, width

LONG = "nightly-export-of-everything-that-accounting-ever-asked-for-in-the-second-quarter-of-2026"
ESCAPES = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]")


@pytest.fixture
def fleet(machine):
    """37 jobs at 10:00 in Tokyo, three of them down; one has a long name, and one a Japanese description."""
    jobs = [
        f'  {LONG}: {{schedule: "0 9 * * *"}}',
        "  a-report: {schedule: 0 9 * * *, description: 日次レポートの集計と送信}",
    ]
    jobs += [
        f'  job-{n:02}: {{schedule: "0 {9 if n == 7 else 12} * * *", description: "what it does"}}' for n in range(35)
    ]
    head = "defaults: {timezone: Asia/Tokyo, grace: 10m, notify: [screen]}\nchannels: {screen: {console: {}}}\n"
    machine.write(f"{head}jobs:\n" + "\n".join(jobs) + "\n")
    machine.apply("2026-11-21T12:00")
    machine.alive("2026-11-22T00:00", "2026-11-22T01:00")
    return machine


@pytest.mark.parametrize("columns", [24, 40, 60, 80, 100, 120, 200])
def test_status_in_a_window_of_any_width_is_one_line_a_job(fleet, columns):
    _, seen = on_a_terminal(fleet, "status", COLUMNS=str(columns))
    lines = ESCAPES.sub("", seen).splitlines()
    rule = next(i for i, line in enumerate(lines) if line.startswith("───"))
    assert len(lines[rule + 1 :]) == 37
    assert [width(line) for line in lines[rule:] if width(line) > columns] == []
    assert [line.split()[1] for line in lines[rule + 1 :]][:4] == ["down", "down", "down", "waiting"]


def test_status_says_first_how_many_need_you(fleet):
    assert fleet.run("status")[1].splitlines()[0] == "3 of 37 jobs need you: 3 down, 34 waiting"
    assert fleet.run("status", "--down")[1].splitlines()[0] == "3 of 37 jobs need you: 3 down, 34 waiting"


def test_status_says_that_none_needs_you(machine):
    machine.apply("2026-11-20T12:00")
    assert machine.run("status", when="2026-11-20T12:01")[1].splitlines()[0] == "none of 3 jobs needs you: 3 waiting"


def test_status_at_80_columns_shows_both_ends_of_a_long_name_and_what_the_job_is_for(fleet):
    seen = ESCAPES.sub("", on_a_terminal(fleet, "status", COLUMNS="80")[1])
    assert re.search(r"^nightly-\S*…\S*of-2026  down", seen, re.MULTILINE)
    assert "what it does" in seen
    assert "missed; 日次" in seen


def test_status_in_a_pipe_cuts_nothing(fleet):
    out = fleet.run("status")[1]
    assert LONG in out
    assert "日次レポートの集計と送信" in out
    assert "…" not in out


def test_status_watch_in_a_pipe_says_that_it_needs_a_terminal(night):
    assert night.run("status", "--watch")[0] == 2
    assert "--watch draws on a terminal" in night.run("status", "--watch")[2]


HEEDS_CTRL_C = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
"""What runs in a shell's background ignores it, and so would the tests and all that they start."""


def test_status_watch_draws_in_place_and_leaves_the_last_page(fleet):
    main, other = pty.openpty()
    ioctl(other, termios.TIOCSWINSZ, struct.pack("HHHH", 20, 80, 0, 0))
    env = {k: v for k, v in os.environ.items() if k not in {"COLUMNS", "LINES"}} | {"TERM": "xterm"}
    argv = [sys.executable, "-c", HEEDS_CTRL_C + PROGRAM.format(now=fleet.now), "status", "--watch"]
    process = subprocess.Popen(argv, stdin=other, stdout=other, stderr=other, cwd=fleet.folder, env=env)
    os.close(other)
    seen = ""
    until = time.monotonic() + 30
    while seen.count("\x1b[H") < 2 and time.monotonic() < until:
        seen += os.read(main, 65_536).decode(errors="replace")
    process.send_signal(signal.SIGINT)
    with contextlib.suppress(OSError):  # EIO: it has ended, and all that it printed was read
        while time.monotonic() < until + 30 and select.select([main], [], [], 30)[0]:
            seen += os.read(main, 65_536).decode(errors="replace")
    assert process.wait(timeout=30) == 0
    os.close(main)
    first, second = seen.split("\x1b[H")[1:3]
    page = ESCAPES.sub("", first).splitlines()
    assert page == ESCAPES.sub("", second.partition("\x1b[J")[0]).splitlines()
    assert page[0] == "3 of 37 jobs need you: 3 down, 34 waiting"
    assert len(page) <= 19
    assert max(map(width, page)) <= 80
    assert seen.endswith("--t…\r\n") or "more jobs, none of them worse" in seen.rpartition("\x1b[?1049l")[2]


@pytest.mark.parametrize(
    ("text", "columns"),
    [
        ("abc", 3),
        ("日次", 4),
        ("e\u0301", 1),
        ("\u1112\u1161\u11ab", 2),
        ("\uff8a\uff9f", 2),
        ("🎉", 2),
        ("a\u200db", 2),
    ],
)
def test_a_text_takes_as_many_columns_as_a_terminal_gives_it(text, columns):
    assert width(text) == columns


@pytest.mark.parametrize(
    ("wide", "end", "middle"),
    [(8, "日次レ…", "日次…ト"), (7, "日次レ…", "日次…ト"), (4, "日…", "日…"), (1, "…", "…"), (0, "", "")],
)
def test_a_text_of_wide_letters_is_cut_between_them(wide, end, middle):
    assert cut("日次レポート", wide) == end
    assert cut("日次レポート", wide, middle=True) == middle


def test_columns_are_left_out_by_rank_and_what_has_none_stays():
    out = StringIO()
    columns = (Column("job", least=4, middle=True), Column("status"), Column("since", rank=2), Column("why", rank=1))
    Screen(out, frame=20, colour=False).list(columns, [["a-long-name", "up", "3 h", "because it ran"]])
    assert out.getvalue().splitlines()[::2] == ["job    status  since", "a-…me  up      3 h"]
