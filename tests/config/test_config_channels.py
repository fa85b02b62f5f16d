"""What becomes of the channels."""

from __future__ import annotations

import pytest

from heartbeat import secrets
from heartbeat.config import read
from heartbeat.config.channels import REFERENCES


def test_settings_are_handed_on_as_they_stand_and_the_short_form_is_written_out():
    text = """
jobs: {}
channels:
  a: {slack: {token: "${env:TOKEN}", channel: C0123456789, thread: no, group_above: 3}}
  b: {sns: "${env:TOPIC}"}
  c: {webhook: {url: "https://x.example/?k=${file:/run/k}", headers: {X-A: "1"}, template: '{"t": "${headline}"}'}}
  d: {console: {}}
  e:
    console:
"""
    assert read(text).channels == {
        "a": {"slack": {"token": "${env:TOKEN}", "channel": "C0123456789", "thread": False, "group_above": 3}},
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
        "6:6: channels.b: found a list; write a mapping: `key: value`, or {} for none",
    ]


NEVER = "where clouds keep a machine's credentials: it is never called"
PRIVATE = "which is not a public address; allow it with allow_private: true"
FORM = "must be an http or https URL with a host, such as https://example.com/hook"


@pytest.mark.parametrize("kind", ["slack: {webhook: %s}", "slack: %s", "webhook: {url: %s}", "webhook: %s"])
@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("http://169.254.169.254/", f"leads to 169.254.169.254, {NEVER}"),
        ("http://2852039166/latest?a=${env:A}", f"leads to 169.254.169.254, {NEVER}"),
        ("http://[::ffff:169.254.169.254]/", f"leads to ::ffff:169.254.169.254, {NEVER}"),
        ("http://127.0.0.1:8080/hook", f"leads to 127.0.0.1, {PRIVATE}"),
        ("http://localhost/${file:/run/x}", f"leads to 127.0.0.1, {PRIVATE}"),
        ("https://10.1.2.3/", f"leads to 10.1.2.3, {PRIVATE}"),
        ("http://exa mple/verysecret", FORM),
        ("hooks.slack.com/verysecret", FORM),
        ("https://u:verysecret@example.com/", "must not hold a user or password; give a header such as Authorization"),
    ],
)
def test_a_url_that_can_never_be_called_is_refused(problems, kind, url, problem):
    (told,) = problems("jobs: {}\nservice: {notify: o}\nchannels: {o: {" + kind % f'"{url}"' + "}}")
    assert told.endswith(problem)
    assert "verysecret" not in told


@pytest.mark.parametrize(
    "channel",
    [
        "webhook: {url: http://10.1.2.3/, allow_private: true}",
        "slack: {webhook: http://localhost:8065/hooks/x, allow_private: true}",
        'slack: {webhook: "${env:SLACK}"}',
        'webhook: "https://${env:HOST}:${env:PORT}/x"',
        "webhook: https://example.com/hook",
    ],
)
def test_a_url_that_may_be_called_is_not(channel):
    assert read("jobs: {}\nservice: {notify: o}\nchannels: {o: {" + channel + "}}").channels


def test_an_app_may_stand_at_a_private_address_but_not_where_credentials_are_told(problems):
    job = "jobs: {a: {schedule: 0 9 * * *, timezone: UTC, max_runtime: 1h, trigger: {http: {url: %s}}}}"
    assert read(job % "http://10.0.0.7/jobs").jobs
    (told,) = problems(job % '"http://169.254.169.254/jobs"')
    assert told.endswith(f"jobs.a.trigger.http.url: leads to 169.254.169.254, {NEVER}")
