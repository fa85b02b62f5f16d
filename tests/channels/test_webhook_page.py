"""docs/webhook.md names the fields that there are: of the JSON, and of templates."""

import json
import re

from alert_samples import NOW, alert
from pages import Page

from heartbeat.channels import body
from heartbeat.channels.build import build
from heartbeat.channels.webhook.template import FIELDS
from heartbeat.config import read
from heartbeat.model import Event, Verdict
from heartbeat.text.alert_text import compose

PAGE = Page("webhook.md")
WHOLE = json.loads(body.document(compose([alert()], NOW), "daily-report/1/opened@hook"))


def fields(heading):
    """The names in the first column under a heading."""
    text = PAGE.text.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    return [name for row in re.findall(r"^\| (`.+?) \|", text, re.MULTILINE) for name in re.findall(r"`(\w+)`", row)]


def test_the_message_has_the_fields_on_the_page():
    assert sorted(fields("The message")) == sorted(WHOLE)


def test_an_alert_has_the_fields_on_the_page():
    assert sorted(fields("An alert")) == sorted(WHOLE["alerts"][0])


def test_the_document_on_the_page_is_what_is_sent():
    shown = json.loads(PAGE.blocks("json")[0].text)
    [row] = shown.pop("alerts")
    assert shown == {name: value for name, value in WHOLE.items() if name != "alerts"}
    assert row.items() <= WHOLE["alerts"][0].items()


def test_templates_have_the_fields_on_the_page():
    told = {*fields("The message"), *fields("An alert"), *fields("Templates")} - {"omitted", "alerts"}
    assert sorted(told) == sorted(FIELDS)


def test_every_event_is_on_the_page():
    events = {body.event(alert(event=event, verdict=None)) for event in Event} - {"opened"}
    verdicts = {body.event(alert(verdict=verdict)) for verdict in (Verdict.MISSED, Verdict.FAILED, Verdict.TIMED_OUT)}
    assert [each for each in events | verdicts if f"`{each}`" not in PAGE.text] == []


def test_the_template_on_the_page_can_be_built():
    jobs = PAGE.blocks("yaml")[0].text.replace("${env:PAGER_URL}", "https://pager.example.org/")
    config = read(f"{jobs}jobs: {{backup: {{schedule: every 1h}}}}\n")
    build("pager", config.channels["pager"])
