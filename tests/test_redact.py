"""What others say, without our secrets; and our settings, as they may be shown."""

from __future__ import annotations

import pytest

from heartbeat.redact import masked, secrets_of, veiled


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("bad token s3cret/key+1", "bad token …"),
        ('{"token": "s3cret/key+1"}', '{"token": "…"}'),
        ("/x?t=s3cret%2Fkey%2B1&y", "/x?t=…&y"),
        ("/x/s3cret/key%2B1", "/x/…"),
        ("cut off: s3cret/ke", "cut off: …"),
        ("cut off: s3c", "cut off: s3c"),
        ("no secret here", "no secret here"),
    ],
)
def test_what_was_sent_is_not_repeated(text, shown):
    assert veiled(text, {"s3cret/key+1"}) == shown


def test_the_longest_goes_first():
    assert veiled("abcdef-ghijkl", {"abcdef", "abcdef-ghijkl"}) == "…"


def test_which_settings_are_secret():
    settings = {
        "url": "https://${env:HOST}/jobs/0123456789abcdef/start?key=question",
        "token": "plain-token",
        "headers": {"Authorization": "Bearer header-token", "Content-Type": "application/json"},
        "body": {"rows": 7, "team": "analytics", "password": "pass-word", "list": ["${env:LISTED}"]},
    }
    known = {"${env:HOST}": "app.example.org", "${env:LISTED}": "listed-secret"}

    def resolve(text):
        for name, value in known.items():
            text = text.replace(name, value)
        return text

    assert secrets_of(settings, resolve) == {
        "app.example.org",
        "0123456789abcdef",
        "key=question",
        "question",
        "plain-token",
        "Bearer header-token",
        "header-token",
        "pass-word",
        "listed-secret",
    }


@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [
        ("url", "https://app.example.org/jobs/settle", "https://app.example.org/jobs/settle"),
        ("url", "https://app.example.org/j?key=abc&b=${env:B}", "https://app.example.org/j?key=…&b=${env:B}"),
        ("url", "https://${env:H}/0123456789abcdef", "https://${env:H}/…"),
        ("token", "abc", "…"),
        ("token", "${env:TOKEN}", "${env:TOKEN}"),
        ("headers", {"Authorization": "Bearer ${env:T}", "X": "y"}, {"Authorization": "Bearer ${env:T}", "X": "…"}),
        ("body", {"rows": 7, "team": "data", "password": "x"}, {"rows": 7, "team": "data", "password": "…"}),
        ("timeout", 2000, 2000),
    ],
)
def test_a_setting_as_it_may_be_shown(name, value, shown):
    assert masked(name, value) == shown
