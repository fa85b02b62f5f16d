"""What a message about a key tells people to write is accepted for that key."""

import re

import pytest

from heartbeat.config import read
from heartbeat.errors import BadConfig

JOB = "jobs:\n  a:\n    schedule: every 1h\n    {}\n"
EVIDENCE = "evidence: {key: 'a', THIS}"
"""Each with the place of what is to be written instead, THIS."""
WRONG = {
    "grace: soon": "grace: THIS",
    "max_runtime: 0s": "max_runtime: THIS",
    "alert_after: many": "alert_after: THIS",
    "enabled: 'yes'": "enabled: THIS",
    EVIDENCE.replace("THIS", "min_size: big"): EVIDENCE.replace("THIS", "min_size: THIS"),
    EVIDENCE.replace("THIS", "content_type: gzip"): EVIDENCE.replace("THIS", "content_type: THIS"),
    "evidence: {key: 'a/{day}'}": "evidence: {key: 'a/THIS'}",
    "metrics: {rows: {min: few}}": "metrics: {rows: {min: THIS}}",
    "timezone: GMT-9": "timezone: THIS",
    "timezone: localtime": "timezone: THIS",
}
FORMS = re.compile(
    r"\{date:[^}]*\}|\b[a-z]+/[a-z]+\b|\b(?:Etc|Asia)/[A-Za-z]+(?:[+-][0-9]+)?|\b(?:true|false)\b|"
    r"(?<![\w.])[0-9][0-9.]*(?:[wdhms]|kB|MB|GiB|h[0-9]+m)?(?![\w])(?! hour)"
)


@pytest.mark.parametrize(("typed", "place"), WRONG.items())
def test_what_a_message_tells_to_write_is_accepted_there(typed, place):
    with pytest.raises(BadConfig) as caught:
        read(JOB.format(typed))
    remedy = caught.value.problems[0].rpartition("write ")[2]
    found = FORMS.findall(remedy)
    assert found, remedy
    for each in found:
        assert read(JOB.format(place.replace("THIS", each))).jobs


@pytest.mark.parametrize("typed", ["Daily Report", "daily.report", "DAILY_REPORT"])
def test_the_name_that_a_message_tells_to_write_is_accepted(typed):
    with pytest.raises(BadConfig) as caught:
        read(f"jobs:\n  {typed}: {{schedule: every 1h}}\n")
    name = caught.value.problems[0].rpartition("write ")[2]
    assert read(f"jobs:\n  {name}: {{schedule: every 1h}}\n").jobs
