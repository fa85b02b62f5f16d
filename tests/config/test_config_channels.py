"""What becomes of the channels."""

from __future__ import annotations

from heartbeat import secrets
from heartbeat.config import read
from heartbeat.config.channels import REFERENCES


def test_settings_are_handed_on_as_they_stand_and_the_short_form_is_written_out():
    text = """
jobs: {}
channels:
  a: {slack: {token: "${env:TOKEN}", channel: C1, thread: no, group_above: 3}}
  b: {sns: "${env:TOPIC}"}
  c: {webhook: {url: "https://x.example/?k=${file:/run/k}", headers: {X-A: "1"}, template: '{"t": "${headline}"}'}}
  d: {console: {}}
  e:
    console:
"""
    assert read(text).channels == {
        "a": {"slack": {"token": "${env:TOKEN}", "channel": "C1", "thread": False, "group_above": 3}},
        "b": {"sns": {"topic": "${env:TOPIC}"}},
        "c": {
            "webhook": {
                "url": "https://x.example/?k=${file:/run/k}",
                "headers": {"X-A": "1"},
                "template": '{"t": "${headline}"}',
            }
        },
        "d": {"console": {}},
        "e": {"console": {}},
    }


def test_the_references_are_those_that_can_be_looked_up():
    assert all(secrets.REFERENCE.fullmatch(f"${{{source}:x}}") for source in REFERENCES)
    assert f"({'|'.join(REFERENCES)})" in secrets.REFERENCE.pattern


def test_all_that_is_wrong_with_a_channel(problems):
    text = """
jobs: {}
channels:
  Ops: {console: {}}
  a: {webhook: {url: "", headers: {X: 1}, method: GET, allow_private: "no"}}
  b: [console]
"""
    assert problems(text) == [
        '4:3: channels.Ops: "Ops" is no channel name; write small letters, digits, - and _',
        "5:22: channels.a.webhook.url: write a text of 1 to 10,000 characters",
        '5:39: channels.a.webhook.headers.X: YAML reads 1 as a number; quote it: "1"',
        '5:51: channels.a.webhook.method: "GET" is none of POST, PUT, PATCH',
        "5:71: channels.a.webhook.allow_private: write true or false, without quotes",
        "6:6: channels.b: a list stands here; write a mapping: `key: value`, or {} for none",
    ]
