"""Lines with a guard, and names of lines in which the shell computes something."""

import subprocess

import pytest

from heartbeat.importing.cron import Cron, Crontab, read_crontabs
from heartbeat.importing.guard import has_hidden_guard, without_failing_guard
from heartbeat.importing.naming import name_of
from heartbeat.importing.words import pieces


def found(text):
    return read_crontabs([Crontab(name="tab", text=text)], Cron(zone="UTC", found="/usr/bin/heartbeat"))


def test_a_day_on_which_the_guard_says_no_is_no_failure():
    result = found('0 3 * * * [ "$(date +\\%d)" = 01 ] && /opt/report --all\n')
    assert result.sheets[0].lines[0].new == (
        "0 3 * * * heartbeat exec report -- sh -c 'if [ \"$(date +\\%d)\" = 01 ]; then /opt/report --all; fi'"
    )
    assert "a guard such as [ … ] says that there is nothing to do" in result.remarks[0].text


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("[ -x /a ] && /a", "if [ -x /a ]; then /a; fi"),
        ("[ -x /a ] && [ -d /b ] && /a | c", "if [ -x /a ] && [ -d /b ]; then /a | c; fi"),
        ("[[ $(date +%u) -le 5 ]] && a && b", "if [[ $(date +%u) -le 5 ]]; then a && b; fi"),
        ("cd /x && test -f y && ./z", "cd /x && if test -f y; then ./z; fi"),
        ("a; [ -d b ] && c", "a; if [ -d b ]; then c; fi"),
        ("! pgrep -x y > /dev/null && y", "if ! pgrep -x y > /dev/null; then y; fi"),
        ("ps ax | grep -q '[y]' && mail", "if ps ax | grep -q '[y]'; then mail; fi"),
        ("command -v x >/dev/null && x", "if command -v x >/dev/null; then x; fi"),
        ("systemctl is-active -q a && b", "if systemctl is-active -q a; then b; fi"),
        ("(( $(date +%d) <= 7 )) && a", "if (( $(date +%d) <= 7 )); then a; fi"),
        ("[ -x /a ] && { a; b; }", "if [ -x /a ]; then { a; b; }; fi"),
        ("[ -x /a ] && (cd /b && c)", "if [ -x /a ]; then (cd /b && c); fi"),
    ],
)
def test_guards(command, expected):
    assert without_failing_guard(command) == expected


@pytest.mark.parametrize(
    "command",
    [
        "cd /x && ./y",
        "mountpoint -q /backup && /opt/backup",
        "t && /opt/backup",
        "[ -x /a ] && a || b",
        "[ -x /a ] || exit 0; a",
        "[ -x /a ] && a; b",
        "[ -x /a ] && a &",
        "[ -x /a ] && a # [ b ] && c",
        "[ -x /a ]",
        "mysqldump db | gzip > x && rsync x y",
        "echo '[ a ] && b'",
        '[ "unclosed && a',
    ],
)
def test_what_is_no_guard_or_does_not_decide_how_the_line_ends_stays(command):
    assert without_failing_guard(command) == command


@pytest.mark.parametrize("yes", [True, False])
@pytest.mark.parametrize("line", ["[ {} ] && exit 3", "a=1; [ {} ] && (exit 3)", "cd / && [ {} ] && sh -c 'exit 3'"])
def test_the_work_of_a_guarded_line_still_fails(line, yes):
    command = without_failing_guard(line.format("1 = 1" if yes else "1 = 2"))
    assert subprocess.run(["/bin/sh", "-c", command], check=False).returncode == (3 if yes else 0)


def test_a_guard_in_a_loop_is_remarked():
    assert has_hidden_guard("for i in a b; do [ -f $i ] && echo $i; done")
    assert has_hidden_guard("( [ -x /a ] && /a )")
    assert not has_hidden_guard("if [ -x /a ]; then /a; fi")
    result = found("0 3 * * * for i in a b; do [ -f $i ] && /opt/x $i; done\n")
    assert any("write it as if …; then …; fi" in remark.text for remark in result.remarks)


def test_a_guard_before_a_ping_of_its_own_is_remarked():
    result = found('0 3 * * * [ "$(date +\\%d)" = 01 ] && /opt/x && curl https://hc-ping.com/KEY/monthly\n')
    assert not result.sheets[0].changed
    assert "monthly is heard of only when its guard says yes" in result.remarks[0].text


@pytest.mark.parametrize(
    ("command", "name"),
    [
        ('[ "$(date +%d)" -le 07 ] && /opt/first_week', "first_week"),
        ("[ $(date +%u) -eq 7 ] && [ `date +%d` = 01 ] && /opt/report.sh", "report"),
        ("sleep $(( RANDOM % 60 )); /opt/sync", "sync"),
        ("sleep $((RANDOM%60)) && /opt/sync", "sync"),
        ("perl -e 'sleep int(rand(3600))' && certbot renew", "certbot-renew"),
        ("$PYTHON /opt/sync_users.py", "sync_users"),
        ("${PHP} artisan schedule:run", "artisan-schedule-run"),
        ('"$HOME"/bin/backup.sh', "backup"),
        ("$HOME/bin/backup.sh --x", "backup"),
        ("$CMD", "job"),
        ("((RANDOM % 2)) && /opt/coin", "coin"),
        ("$(which php) /srv/cron.php", "cron"),
        ("python $SCRIPT", "python"),
        ("curl -s https://$HOST/run", "curl"),
        ("/opt/run $(cat /etc/secret) now", "run"),
        ("/opt/run # echo le", "run"),
    ],
)
def test_what_the_shell_computes_is_one_word_and_no_name(command, name):
    assert name_of(command) == name


@pytest.mark.parametrize(
    "text", ["$(a $(b 'c)') \"d)\") e", "`a b`c", '"a $(b "c d") e"', "${a:-b c} d", "$((1 + (2)))"]
)
def test_a_substitution_ends_where_the_shell_ends_it(text):
    asked = subprocess.run(["/bin/bash", "-c", f"f() {{ :; }}; set -n; f {text}"], check=False)
    assert asked.returncode == 0
    words = [piece for kind, piece in pieces(text) if kind != "space"]
    assert len(words) == (2 if text.endswith((" e", " d")) else 1)
