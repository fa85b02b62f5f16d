"""A crontab's lines one by one: what becomes of each, and that the changed one does the same."""

import random
import subprocess
import sys
from pathlib import Path

import pytest

from heartbeat.config import read
from heartbeat.importing.cron import Cron, Crontab, read_crontabs
from heartbeat.importing.crontab import CrontabEntry, Setting, Unreadable, read_line
from heartbeat.importing.flavour import DEBIAN
from heartbeat.importing.found import Fate
from heartbeat.importing.naming import name_of
from heartbeat.importing.page import jobs_yaml
from heartbeat.importing.shell import split_input

BIN = Path(sys.executable).parent
CRON = Cron(zone="Europe/Berlin", flavour=DEBIAN, found="/usr/bin/heartbeat")
URLS = "HEARTBEAT_URL=http://127.0.0.1:1\n"


def found(text, *, system=False, cron=CRON, prefix=""):
    return read_crontabs([Crontab(name="tab", text=text, system=system)], cron, prefix=prefix)


def page(result):
    return jobs_yaml(result, source="tab", zone="Europe/Berlin", zone_from="a test")


def changed(text, **more):
    """The lines after the change."""
    return [line.new for line in found(text, **more).sheets[0].lines]


def wrapped(command, by=""):
    """The command of a line after the change."""
    setting = f"SHELL={by}\n" if by else ""
    return changed(f"{setting}* * * * * {command}\n")[-1].removeprefix("* * * * * ")


def as_cron_runs_it(command, shell="/bin/sh"):
    """Status, output and errors of a line's command, run the way Debian's cron does: a backslash takes the meaning
    from the character behind it, a bare percent sign begins the input, the next ones are new lines in it."""
    said, place = "", 0
    while place < len(command) and command[place] != "%":
        if command[place] == "\\" and place + 1 < len(command):
            said += "%" if command[place + 1] == "%" else command[place : place + 2]
            place += 2
        else:
            said += command[place]
            place += 1
    rest = command[place + 1 :].replace("\\%", "\0").replace("%", "\n").replace("\0", "%")
    environ = {"PATH": f"/usr/bin:/bin:{BIN}", "SHELL": shell, "HOME": "/", "HEARTBEAT_URL": "http://127.0.0.1:1"}
    environ |= {"HEARTBEAT_PING_KEY": "k", "HEARTBEAT_TIMEOUT": "0.1"}
    done = subprocess.run(
        [shell, "-c", said],
        input=(f"{rest}\n" if rest and not rest.endswith("\n") else rest).encode(),
        capture_output=True,
        env=environ,
        check=False,
        timeout=60,
    )
    out = b"".join(line for line in done.stdout.splitlines(keepends=True) if not line.startswith(b"heartbeat: "))
    errors = [line.removeprefix(b"/bin/") for line in done.stderr.splitlines() if not line.startswith(b"heartbeat: ")]
    status = done.returncode if done.returncode >= 0 else 128 - done.returncode  # as a shell has it
    return status, out, errors


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("MAILTO=root", Setting(name="MAILTO", value="root")),
        ("  \"FOO\"  = ' a b '  ", Setting(name="FOO", value=" a b ")),
        ("A=x y # no comment", Setting(name="A", value="x y # no comment")),
        ("a=b * * * c d", Setting(name="a", value="b * * * c d")),
        ("", None),
        (" \t", None),
        ("  # 0 5 * * * old", None),
        ("\t0 5 * * *\t x=1 y ", CrontabEntry(time="0 5 * * *", user="", before="\t0 5 * * *\t ", command="x=1 y ")),
        ("@daily\trun", CrontabEntry(time="@daily", user="", before="@daily\t", command="run")),
        ("@every 5m run", CrontabEntry(time="@every 5m", user="", before="@every 5m ", command="run")),
    ],
)
def test_a_line_is_read_as_debians_cron_reads_it(line, expected):
    assert read_line(line, system=False) == expected


def test_the_system_crontab_has_a_user():
    said = read_line("17 *\t* * *\troot\tcd / && x", system=True)
    assert said == CrontabEntry(time="17 *\t* * *", user="root", before="17 *\t* * *\troot\t", command="cd / && x")


@pytest.mark.parametrize(
    "line", ["A=", "A B=c", "FOO", "* * * *", "* * * * *", "* * * * * %in", "* * * * * \x0b%in", "@daily ", 'A="b']
)
def test_what_cron_refuses_or_what_runs_nothing_is_unreadable(line):
    with pytest.raises(Unreadable):
        read_line(line, system=False)


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("/opt/run --all", "heartbeat exec run -- /opt/run --all"),
        ("/opt/run a >> /x 2>&1", "heartbeat exec run-a -- /opt/run a >> /x 2>&1"),
        ('/opt/run "$HOME/a b"', 'heartbeat exec run -- /opt/run "$HOME/a b"'),
        ("/opt/run a%in%put", "heartbeat exec run-a -- /opt/run a%in%put"),
        ("cd /x && ./run", "heartbeat exec run -- sh -c 'cd /x && ./run'"),
        ("A=1 /opt/run", "heartbeat exec run -- sh -c 'A=1 /opt/run'"),
        ("echo hi", "heartbeat exec echo-hi -- sh -c 'echo hi'"),
        ("/opt/run $(date +\\%F)", "heartbeat exec run -- sh -c '/opt/run $(date +\\%F)'"),
        ("a | b 'c d'%in", "heartbeat exec a -- sh -c 'a | b '\\''c d'\\'''%in"),
        ("/opt/run &", "heartbeat exec --no-output run -- sh -c '/opt/run &'"),
        ("/opt/run &> /x", "heartbeat exec --no-output run -- sh -c '/opt/run &> /x'"),
        ("/opt/run > /dev/null 2>&1", "heartbeat exec run -- /opt/run > /dev/null 2>&1"),
        ("/opt/run > /x", "heartbeat exec run -- /opt/run > /x"),
        ("/opt/run > /x 2>&1", "heartbeat exec run -- sh -c '/opt/run > /x 2>&1'"),
        ("/opt/run 2> /x", "heartbeat exec run -- sh -c '/opt/run 2> /x'"),
        ("a && b 2>&1", "heartbeat exec a -- sh -c 'a && b 2>&1'"),
    ],
)
def test_how_a_command_is_wrapped(command, expected):
    assert wrapped(command) == expected


def test_the_shell_of_the_crontab_gets_the_command():
    assert wrapped("a; b", by="/bin/bash") == "heartbeat exec a -- /bin/bash -c 'a; b'"
    assert wrapped("a &> /x", by="/bin/bash") == "heartbeat exec a -- /bin/bash -c 'a &> /x'"
    assert wrapped("/opt/run --all", by="/usr/bin/fish") == "heartbeat exec run -- /opt/run --all"


def test_a_shell_that_quotes_otherwise_is_left_alone():
    result = found("SHELL=/usr/bin/fish\n0 5 * * * a; b 'c'\n")
    assert result.jobs == ()
    assert [(line.new, line.fate) for line in result.sheets[0].lines][1] == ("0 5 * * * a; b 'c'", Fate.LISTED)
    assert "SHELL=/usr/bin/fish" in result.listed[0].text


def test_what_the_shell_takes_for_an_option_is_listed():
    assert "begins with -" in found("0 5 * * * -- /opt/x\n").listed[0].text


def test_a_line_that_would_be_too_long_for_cron_is_left_alone():
    before = "heartbeat exec a -- /opt/a "
    fits, too_long = (f"0 5 * * * /opt/a {'+' * (length - len(before))}\n" for length in (998, 999))
    assert changed(fits) == [f"0 5 * * * {before}{'+' * (998 - len(before))}"]
    result = found(too_long)
    assert (result.jobs, result.sheets[0].changed) == ((), False)
    assert "has 999 bytes, and cron takes 998" in result.listed[0].text


REAL = [
    "echo plain",
    "/bin/echo 'a  b' \"c  d\" e\\ f",
    "printf '[\\%s]' 'it'\\''s' x",
    "cat%one%two \\% three%",
    "cat; echo end >&2%in",
    "exit 3",
    "/bin/sh -c 'exit 7'",
    "cd /tmp && pwd",
    "cd /nowhere || echo none",
    "echo $HOME `echo b` $(echo c) ~",
    "A=1 B='x y' env | grep -E '^[AB]=' | sort",
    "echo a; echo b >&2; (exit 4)",
    "/bin/echo hi >/dev/null 2>&1",
    "/bin/ls /nowhere-at-all 2>/dev/null",
    "if true; then echo yes; fi",
    "for i in 1 2 3; do echo $i; done",
    "! true",
    "test -x /bin/nothing || { echo no; false; }",
    "date +\\%Y | grep -c '^20'",
    "/bin/echo a\\\\b 'c\\d' \"e\\\\f\"",
    "/bin/echo '\\%' \"\\%\" \\\\",
    "echo a # a comment",
    "/bin/echo #none",
    "/bin/echo a#b",
    "/usr/bin/env -- /bin/echo -- x --",
    '/bin/echo "unclosed',
    "echo 日本語 | cat",
    "kill -TERM $$",
    "/bin/echo $((1+2)) ${HOME} '$HOME'",
    "/bin/echo a\\\\%in",
    "/bin/echo /etc/host?ame*",
    "tr a-z A-Z </etc/hostname",
    "trap 'echo bye' EXIT; echo hi",
    "echo a&&echo b||echo c",
    "set -e; false; echo never",
    "[ 1 = 1 ] && /bin/echo yes",
    'test -f /etc/passwd && [ "$(date +\\%Y)" -gt 2000 ] && echo a | tr a b%in',
    "! test -f /nowhere && (exit 5)",
    "cd / && [ -d tmp ] && pwd",
]


@pytest.mark.parametrize("command", REAL)
def test_the_changed_line_does_what_the_old_one_did(command):
    new = wrapped(command)
    assert new.startswith("heartbeat exec ")
    assert as_cron_runs_it(new) == as_cron_runs_it(command)


def test_a_guard_that_says_no_is_a_success():
    command = '[ "$(date +\\%Y)" = 1999 ] && /bin/echo never'
    assert as_cron_runs_it(command) == (1, b"", [])
    assert as_cron_runs_it(wrapped(command)) == (0, b"", [])


@pytest.mark.parametrize(("command", "status"), [("nothing-of-this-name", 127), ("/etc/passwd", 126)])
def test_what_cannot_be_run_has_the_status_that_the_shell_gives_it(command, status):
    assert as_cron_runs_it(command)[0] == as_cron_runs_it(wrapped(command))[0] == status


def test_in_bash_too():
    command = "diff <(echo a) <(echo b) > /dev/null; echo ${PIPESTATUS[0]} $'a\\tb' {1..3}%"
    new = wrapped(command, by="/bin/bash")
    assert as_cron_runs_it(new, "/bin/bash") == as_cron_runs_it(command, "/bin/bash")
    assert as_cron_runs_it(command, "/bin/bash")[1] == b"1 a\tb 1 2 3\n"


def test_the_simulation_hands_on_what_cron_does():
    assert as_cron_runs_it("cat; echo 'a\\%b'%in1%in2 \\% x%") == (0, b"in1\nin2 % x\na%b\n", [])


def noise(dice):
    """A line that may be anything."""
    words = ["*", "0", "5,*", "@daily", "@reboot", "61", "root", "a=b", "A", "=", "#", "%", "\\%", "'", '"', "\\", "&"]
    words += ["|", ">", "/x", "$(y)", "\t", "\r", "\x0b", "\udcff", "é", "\x00", "`", "-", "heartbeat exec a --", ";"]
    words += ["0 5 * * * ", "@every 5m ", "curl https://hc-ping.com/k/s", "\u2028", "(", "CRON_TZ=Asia/Tokyo"]
    return dice.choice(["", " "]).join(dice.choice(words) for _ in range(dice.randrange(12))).replace("\n", "")


@pytest.mark.parametrize("seed", range(60))
def test_every_line_has_one_fate_and_the_page_is_read(seed):
    dice = random.Random(seed)  # noqa: S311 - not for secrets
    lines = [noise(dice) for _ in range(40)]
    system = dice.random() < 0.3
    result = found("\n".join(lines) + dice.choice(["", "\n"]), system=system)
    sheet = result.sheets[0]
    assert [line.old for line in sheet.lines] == (lines if lines[-1] else lines[: len(sheet.lines)])
    assert {line.slug for line in sheet.lines if line.fate is Fate.JOB} == {job.slug for job in result.jobs}
    for line in sheet.lines:
        assert (line.fate is Fate.JOB) == bool(line.slug)
        assert (line.fate is Fate.LISTED) == bool(line.reason)
        assert line.fate is Fate.JOB or line.new == line.old
    assert len(result.listed) == sum(line.fate is Fate.LISTED for line in sheet.lines)
    config = read(page(result))
    assert {job.slug for job in config.jobs} == {job.slug for job in result.jobs}
    again = found("".join(f"{line.new}\n" for line in sheet.lines), system=system)
    assert not again.sheets[0].changed
    assert {job.slug: job.schedules for job in again.jobs} == {job.slug: job.schedules for job in result.jobs}


@pytest.mark.parametrize("seed", range(40))
def test_split_and_wrap_keep_every_character(seed):
    dice = random.Random(seed)  # noqa: S311 - not for secrets
    raw = "".join(dice.choice("ab '\"\\%$&|;`()<>#\t") for _ in range(30))
    assert "".join(split_input(raw)) == raw


@pytest.mark.parametrize("seed", range(25))
def test_random_commands_do_the_same(seed):
    dice = random.Random(seed)  # noqa: S311 - not for secrets
    words = [
        "'a b'",
        '"c d"',
        "e\\ f",
        "\\%",
        "$HOME",
        "x",
        "\\\\",
        "it\\'s",
        "'\\%'",
        "#h",
        "a#",
        "~",
        "''",
        '"$HOME"',
    ]
    ends = ["", " | cat", " 2>&1", "; exit 5", " && echo done", "%in%put", " || true", " # note"]
    command = "/bin/echo " + " ".join(dice.choice(words) for _ in range(5)) + dice.choice(ends)
    assert as_cron_runs_it(wrapped(command)) == as_cron_runs_it(command)


@pytest.mark.parametrize(
    ("command", "name"),
    [
        ("/usr/local/bin/backup.sh --full", "backup"),
        ("cd / && run-parts --report /etc/cron.hourly", "cron-hourly"),
        ("test -x /usr/sbin/anacron || ( cd / && run-parts --report /etc/cron.daily )", "cron-daily"),
        ("cd /var/www/app && php artisan schedule:run >> /dev/null 2>&1", "artisan-schedule-run"),
        ("cd /srv/app && RAILS_ENV=production bundle exec rake reports:daily", "rake-reports-daily"),
        ("/bin/bash -l -c 'cd /srv/app && bin/rails runner x'", "rails-runner-x"),
        ("/usr/bin/python3 /opt/sync_users.py --token=abc", "sync_users"),
        ("python -m mypkg.jobs.nightly", "mypkg-jobs-nightly"),
        ("sudo -u postgres pg_dump -Fc prod | gzip > /b/p.gz", "pg_dump"),
        ("mysqldump -u root -psecret db > x.sql", "mysqldump"),
        ("flock -n /tmp/x.lock /opt/job.sh", "job"),
        ("find /tmp -mtime +7 -delete", "find-tmp"),
        ("curl -fsS -u user:pass https://www.example.com/cron/run?token=secret", "example-com-run"),
        ("550e8400-e29b-41d4-a716-446655440000", "job-550e8400-e29b-41d4-a716-446655440000"),
        ("日本語", "job"),
    ],
)
def test_names(command, name):
    assert name_of(command) == name


@pytest.mark.parametrize(
    "name",
    [
        *("on", "off", "yes", "no", "y", "n", "null", "true", "false", "0x1f", "0o17", "1e3", "1_000", "12-30", "007"),
        *("2026-01-01", "_", "-", "1-2", "60", "nan", "0b1"),
    ],
)
def test_a_name_that_yaml_takes_for_something_else_is_quoted(name):
    result = found(f"0 3 * * * heartbeat exec a{name} -- /x\n0 4 * * * /opt/{name}\n")
    slugs = [job.slug for job in result.jobs]
    assert [job.slug for job in read(page(result)).jobs] == slugs
    assert len(slugs) == 2


@pytest.mark.parametrize("seed", range(20))
def test_what_import_writes_check_accepts_whatever_the_names(seed):
    dice = random.Random(seed)  # noqa: S311 - not for secrets
    names = ["".join(dice.choice("0123456789abefnosxy_-:~.+") for _ in range(dice.randrange(1, 7))) for _ in range(60)]
    result = found("".join(f"{minute} 3 * * * /opt/{name}\n" for minute, name in enumerate(names)))
    config = read(page(result))
    assert [job.slug for job in config.jobs] == [job.slug for job in result.jobs]
    assert config.warnings == ()


def test_each_name_is_given_once_and_never_one_that_a_line_has_already():
    text = "0 1 * * * /a/run\n0 2 * * * /b/run\n0 3 * * * heartbeat exec run-2 -- /c\n0 4 * * * /d/run\n"
    assert [line.slug for line in found(text).sheets[0].lines] == ["run", "run-3", "run-2", "run-4"]
    assert [job.slug for job in found("0 1 * * * /a/run\n", prefix="Web 1/").jobs] == ["web-1-run"]


@pytest.mark.parametrize(
    ("above", "description"),
    [
        ("# Nightly backup\n", "Nightly backup"),
        ("# Nightly backup\n# of the main database\n", "Nightly backup of the main database"),
        ("# Nightly backup\n\n", ""),
        ("# m h  dom mon dow   command\n", ""),
        ("#0 5 * * * /opt/old\n", ""),
        ("# MAILTO=root\n", ""),
        ("# ------\n", ""),
        (f"# {'long ' * 40}\n", ""),
        ("# Backup\n0 2 * * * /y\n", ""),
    ],
)
def test_the_comment_above_is_the_description(above, description):
    assert found(f"{above}0 3 * * * /opt/x\n").jobs[-1].description == description
