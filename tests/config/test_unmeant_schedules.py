"""What can be read but not be meant: as typed, and what `heartbeat check` says of it."""

from __future__ import annotations

import pytest

from heartbeat.config import read
from heartbeat.config.compile import main
from heartbeat.errors import BadConfig

NOW = 1_795_000_000_000
"""2026-11-18."""
JOB = (
    "channels: {{ops: {{console: {{}}}}}}\ndefaults: {{timezone: UTC, notify: [ops]}}\njobs:\n  a:\n    schedule: {}\n"
)
DOUBTED = {
    '"*/90 * * * *"': "minute: */90 means 0, for a step begins anew with its field; write 0, or every 90m if that is",
    '"*/45 * * * *"': "minute: */45 means 0 and 45, for a step begins anew with its field; write 0,45, or every 45m",
    '"0 */24 * * *"': "hour: */24 means 0,",
    '"0 */17 * * *"': "hour: */17 means 0 and 17,",
    '"0 0 1-5/9 * *"': "day of month: 1-5/9 means 1,",
    '"0 9 1 * 1"': "runs on days that fit 1 or weekday 1, not only on those that fit both; "
    'write [\\"0 9 1 * *\\", \\"0 9 * * 1\\"] if so',
    '"0 9 1-7 * MON"': "or 0 9 * * MON#1 for the first one of the month",
    '"cron(*/60 * * * ? *)"': "minute: EventBridge refuses */60, a step beyond its field; write 0",
    '"cron(0 9 ? * MON-FRI/2 *)"': "day of week: EventBridge takes no steps of weekdays; write 2,4,6 for MON-FRI/2",
    '"cron(0 9 1 1 ? 2020)"': "lies in the past and never comes again",
    '"at(2026-01-01T09:00:00)"': "lies in the past and never comes again",
    '["0 9 * * *", "at(2026-01-01T09:00:00)"]': '\\"at(2026-01-01T09:00:00)\\" lies in the past',
    '"RRULE:FREQ=DAILY;UNTIL=20251231"': "lies in the past and never comes again",
    '"2025-*-* 09:00"': "lies in the past and never comes again",
}
MEANT = [
    *('"*/15 * * * *"', '"*/30 * * * *"', '"0 */5 * * *"', '"*/7 * * * *"', '"0 0 */2 * *"', "every 90m"),
    *('["0 9 1 * *", "0 9 * * 1"]', '"0 9 * * MON#1"', '"0 9 1 * *"', '"0 9 1-31 * *"'),
    *('"cron(0/15 * * * ? *)"', '"cron(0 9 ? * 2,4,6 *)"', '"at(2026-12-31T09:00:00)"', '"cron(0 9 1 1 ? 2020-2030)"'),
]


@pytest.mark.parametrize(("typed", "doubt"), DOUBTED.items())
def test_what_cannot_be_meant_is_doubted(typed, doubt):
    (told,) = read(JOB.format(typed), now=NOW).warnings
    assert doubt.replace('\\"', '"') in told.replace('\\"', '"')
    assert told.startswith("jobs.yaml:5:15: jobs.a.schedule: ")


@pytest.mark.parametrize("typed", MEANT)
def test_what_may_be_meant_is_not(typed):
    assert read(JOB.format(typed), now=NOW).warnings == ()


def test_who_does_not_say_the_time_is_told_nothing_of_the_past():
    assert read(JOB.format('"at(2026-01-01T09:00:00)"')).warnings == ()


@pytest.mark.parametrize(
    ("typed", "remedy"),
    [("cron(*/60 * * * ? *)", "write 0"), ("cron(0 9 ? * MON-FRI/2 *)", "write 2,4,6 for MON-FRI/2")],
)
def test_what_eventbridge_refuses_stops_the_stack_s_build_where_eventbridge_must_take_it(
    typed, remedy, tmp_path, capsys
):
    source = tmp_path / "jobs.yaml"
    text = JOB.format(f'"{typed}"')
    source.write_text(f"{text}    max_runtime: 1h\n    trigger: {{http: {{url: https://x.example}}}}\n")
    assert main(str(source), str(tmp_path / "jobs.json")) == 2
    assert remedy in capsys.readouterr().err
    source.write_text(text)  # Heartbeat itself reads it well
    assert main(str(source), str(tmp_path / "jobs.json")) == 0


def test_the_stack_s_build_warns_of_what_is_over(tmp_path, capsys):
    source = tmp_path / "jobs.yaml"
    source.write_text(JOB.format('"at(2026-01-01T09:00:00)"'))
    assert main(str(source), str(tmp_path / "jobs.json"), str(NOW // 1000)) == 0
    assert "lies in the past" in capsys.readouterr().err


@pytest.mark.parametrize("typed", ["localtime", "posixrules", "Factory", "posix/Asia/Tokyo", "right/Asia/Tokyo"])
def test_a_zone_that_names_the_machine_is_refused(typed):
    with pytest.raises(BadConfig, match="means another clock on another machine; write "):
        read(JOB.format('"0 9 * * *"').replace("UTC", typed))
