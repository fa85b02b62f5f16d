"""Whatever a message tells people to write is accepted: every remedy, of every message there is a sample of here."""

from __future__ import annotations

import re

import pytest
from schedule_samples import REFUSED

from heartbeat.errors import BadSchedule
from heartbeat.schedule import parse, parse_duration
from heartbeat.schedule.doubts import doubts
from heartbeat.schedule.zones import zone

FIELDS = {
    "minute": ("{} * * * *", "cron({} * * * ? *)"),
    "hour": ("0 {} * * *", "cron(0 {} * * ? *)"),
    "day of month": ("0 0 {} * *", "cron(0 0 {} * ? *)"),
    "month": ("0 0 1 {} *", "cron(0 0 1 {} ? *)"),
    "day of week": ("0 0 * * {}", "cron(0 0 ? * {} *)"),
    "year": ("", "cron(0 0 1 1 ? {})"),
}
"""A remedy of one field, in an expression of each dialect."""
FORMS = re.compile(
    r"(?:cron|rate|at)\([^()]*\)|(?:DTSTART\S+ )?RRULE:[A-Z0-9=,;:+-]+[A-Z0-9]|every [0-9][0-9a-z]*|"
    r"(?<![\w,/-])(?:[-0-9*/,#LW]|MON|TUE|WED|THU|FRI)+(?: [-0-9*/,#LWA-Z]+){4}(?![\w*])|\*-\*-\* [0-9:]+"
)
WORDS = re.compile(r"^(?:write|use|a step is 1 or more, for example|did you mean) (.*)$")
ZONE = re.compile(r"\b(?:[A-Z][A-Za-z_]+/[A-Za-z_]+(?:[-+][0-9]+)?|UTC)\b")


def refusal(text, dialect=None):
    with pytest.raises(BadSchedule) as caught:
        parse(text, "UTC", dialect)
    return caught.value


@pytest.mark.parametrize(("text", "dialect"), REFUSED)
def test_every_expression_in_a_remedy_is_accepted(text, dialect):
    bad = refusal(text, dialect)
    assert bad.remedy
    for form in FORMS.findall(bad.remedy):
        parse(form)


def of_a_field(text, dialect):
    return refusal(text, dialect).field in FIELDS and dialect != "oncalendar" and "-*" not in text and ":" not in text


@pytest.mark.parametrize(("text", "dialect"), [each for each in REFUSED if of_a_field(*each)])
def test_every_value_in_the_remedy_of_a_field_is_accepted_in_that_field(text, dialect):
    bad = refusal(text, dialect)
    form = WORDS.match(bad.remedy)
    if form is None:
        return
    eventbridge = text.startswith("cron(") or dialect == "eventbridge"
    for value in re.findall(r"(?<![\w(])[0-9*][-0-9A-Za-z*/,#]*(?<![,-])", form[1]):
        parse(FIELDS[bad.field][eventbridge].format(value), "UTC", dialect)


@pytest.mark.parametrize(
    ("typed", "remedy"),
    [
        ("GMT+9", "for 9 hours ahead of UTC write Etc/GMT-9 "),
        ("UTC+9", "for 9 hours ahead of UTC write Etc/GMT-9 "),
        ("+09:00", "for 9 hours ahead of UTC write Etc/GMT-9 "),
        ("GMT-5", "for 5 hours behind UTC write Etc/GMT+5 "),
        ("UTC +1", "for 1 hour ahead of UTC write Etc/GMT-1 "),
        ("UTC+05:30", "write the name of a place, such as Asia/Kolkata"),
        ("GMT+15", "write the name of a place"),
        ("right/Asia/Tokyo", "write Asia/Tokyo"),
        ("localtime", "write an IANA name such as Asia/Tokyo or UTC"),
        ("Asia/Tokio", "did you mean Asia/Tokyo"),
        ("JST", "use an IANA name such as Asia/Tokyo or UTC"),
    ],
)
def test_every_zone_in_a_remedy_is_one(typed, remedy):
    with pytest.raises(BadSchedule) as caught:
        zone(typed)
    assert caught.value.remedy.startswith(remedy)
    for name in ZONE.findall(
        caught.value.remedy.removeprefix("for ").partition("UTC write ")[2] or caught.value.remedy
    ):
        zone(name)


@pytest.mark.parametrize(("name", "hours"), [("Etc/GMT-9", 9), ("Etc/GMT+5", -5)])
def test_the_zone_of_an_offset_is_that_far_off(name, hours):
    assert zone(name).span(0).offset == hours * 3600


DOUBTFUL = ["*/90 * * * *", "*/45 * * * *", "0 */17 * * *", "0 9 1 * 1", "0 9 1-7 * MON", "0 0 1-5/9 * *"]
DOUBTFUL += ["cron(*/60 * * * ? *)", "cron(0 9 ? * MON-FRI/2 *)"]


@pytest.mark.parametrize("text", DOUBTFUL)
def test_what_a_doubt_tells_to_write_is_accepted_without_a_doubt(text):
    (doubt,) = doubts(text, None)
    field, _, remedy = doubt.rpartition("write ")
    field = field.partition(":")[0]
    written = FORMS.findall(remedy)
    if field in FIELDS:
        written.append(FIELDS[field][text.startswith("cron(")].format(re.match(r"[0-9,]*[0-9]", remedy)[0]))
    assert written
    for each in written:
        parse(each)
        assert doubts(each, None) == ()


@pytest.mark.parametrize("text", ["90", "1h 30m", "30m1h", "1.5h", "", "5 minutes"])
def test_every_duration_in_a_remedy_is_one(text):
    with pytest.raises(BadSchedule) as caught:
        parse_duration(text)
    found = re.findall(r"\b[0-9]+[0-9wdhms]*[wdhms]\b", caught.value.remedy)
    assert found
    assert all(parse_duration(each) for each in found)
