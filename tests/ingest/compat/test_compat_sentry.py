"""Sentry's two forms: envelopes as three SDKs make them, and the URL for curl."""

import gzip
import json
import zlib

import asking
import pytest
from asking import request

from heartbeat.ingest.compat import sentry
from heartbeat.ingest.ping import Refusal
from heartbeat.model import MINUTE

HEX = "5bd1a8c1e5a14e5f8f6d2f1c2b3a4d5e"
RUN = "5bd1a8c1-e5a1-4e5f-8f6d-2f1c2b3a4d5e"
CONFIG = {
    "schedule": {"type": "crontab", "value": "0 9 * * *"},
    "timezone": "Asia/Tokyo",
    "checkin_margin": 5,
    "max_runtime": 30,
}


def envelope(*items, header=None, length=True):
    lines = [json.dumps(header or {})]
    for kind, value in items:
        text = json.dumps(value)
        lines += [json.dumps({"type": kind} | ({"length": len(text)} if length else {})), text]
    return "\n".join(lines).encode()


def check_in(**parts):
    return "check_in", {"check_in_id": HEX, "monitor_slug": "nightly", "status": "ok"} | parts


def read(body, path="/api/42/envelope", **headers):
    given = {"x-sentry-auth": "Sentry sentry_version=7, sentry_key=k3y"} | {
        name.replace("_", "-"): value for name, value in headers.items()
    }
    return asking.read(sentry, request(path, body=body, headers=given))


def signal(told):
    (ping,) = told.pings
    return ping.signal


def job(told):
    (ping,) = told.pings
    return ping.job


@pytest.mark.parametrize("status", [("in_progress", "start"), ("ok", "success"), ("error", "fail")])
@pytest.mark.parametrize("length", [True, False])
def test_a_check_in(status, length):
    told = read(envelope(check_in(status=status[0], duration=12.5), length=length))
    assert (told.key, signal(told).slug, str(signal(told).kind)) == ("k3y", "nightly", status[1])
    assert (signal(told).run_id, signal(told).duration) == (RUN, 12_500)


def test_the_same_check_in_has_the_same_id_and_another_status_another():
    ids = [signal(read(envelope(check_in(status=status)))).id for status in ("in_progress", "ok", "ok")]
    assert ids[0] != ids[1] == ids[2] != ""


@pytest.mark.parametrize("given", ["0" * 32, "00000000-0000-0000-0000-000000000000", None, "x", "", 5])
def test_no_id_or_the_nil_one_is_no_run(given):
    told = read(envelope(check_in(check_in_id=given)))
    assert (signal(told).run_id, signal(told).id) == ("", "")


def test_an_environment_is_a_job_of_its_own():
    slugs = [signal(read(envelope(check_in(environment=e)))).slug for e in ("production", "staging", None)]
    assert slugs == ["nightly", "nightly-staging", "nightly"]


def test_other_items_are_passed_over():
    items = [("client_report", {"a": "\n"}), check_in(), ("session", {}), check_in(monitor_slug="b"), ("event", {})]
    for length in (True, False):
        assert [ping.signal.slug for ping in read(envelope(*items, length=length)).pings] == ["nightly", "b"]


def test_a_length_holds_even_when_the_payload_has_line_ends():
    text = json.dumps(check_in()[1], indent=1)
    attachment = b"\n\n\0\n"
    body = b'{}\n{"type":"attachment","length":%d}\n%s\n{"type":"check_in","length":%d}\n%s' % (
        len(attachment),
        attachment,
        len(text),
        text.encode(),
    )
    assert signal(read(body)).slug == "nightly"


@pytest.mark.parametrize(
    ("how", "pack"), [("gzip", gzip.compress), ("GZIP", gzip.compress), ("deflate", zlib.compress), ("identity", bytes)]
)
def test_a_compressed_body(how, pack):
    assert signal(read(pack(envelope(check_in())), content_encoding=how)).slug == "nightly"


@pytest.mark.parametrize(
    ("body", "how", "status", "words"),
    [
        (b"x", "br", 415, "content-encoding 'br' is not understood; send gzip"),
        (b"x", "gzip", 400, "the body is no gzip"),
        (gzip.compress(b"0" * (5 << 20)), "gzip", 413, "more than 4 MB when it is unpacked"),
        (b"", "", 400, "the envelope's first line is no JSON object"),
        (b"[]", "", 400, "the envelope's first line is no JSON object"),
        (b"[" * 99_999, "", 400, "the envelope's first line is no JSON object"),
        (b"{}\nx\ny", "", 400, "an item's header is no JSON object"),
        (b'{}\n{"type":"check_in"}\n[]', "", 400, "a check-in is no JSON object"),
        (envelope(check_in(monitor_slug=None)), "", 400, "a check-in has no monitor_slug"),
        (envelope(check_in(status="done")), "", 400, "status 'done' is none of in_progress, ok, error"),
    ],
)
def test_what_cannot_be_read_is_refused_in_words(body, how, status, words):
    told = read(body, content_encoding=how)
    assert isinstance(told, Refusal)
    assert told.status == status
    assert words in told.text


@pytest.mark.parametrize("body", [b"{}", b"{}\n", b"{}\n\n\n", b'{}\n{"type":"event"}\n{}', b'{}\n{"length":-1}\n'])
def test_an_envelope_without_check_ins_is_taken(body):
    told = read(body)
    assert (told.key, told.pings) == ("k3y", ())


@pytest.mark.parametrize(
    ("headers", "query", "header"),
    [
        ({"x-sentry-auth": "Sentry sentry_key=k3y,sentry_client=x/1"}, {}, {}),
        ({}, {"sentry_key": "k3y"}, {}),
        ({}, {}, {"dsn": "https://k3y@host/sentry/42"}),
        ({}, {}, {"dsn": "https://k3y:secret@host/sentry/42"}),
    ],
)
def test_where_the_key_stands(headers, query, header):
    body = envelope(check_in(), header=header)
    assert asking.read(sentry, request("/api/42/envelope", body=body, headers=headers, **query)).key == "k3y"


@pytest.mark.parametrize("header", [{}, {"dsn": 5}, {"dsn": "https://host/42"}])
def test_without_a_key_it_is_none_of_ours(header):
    assert asking.read(sentry, request("/api/42/envelope", body=envelope(check_in(), header=header))).key == "?"


class TestByUrl:
    def test_a_query(self):
        told = asking.read(sentry, request("/api/42/cron/Nightly/k3y", status="error", check_in_id=HEX, duration="1.5"))
        assert (told.key, signal(told).slug, str(signal(told).kind)) == ("k3y", "nightly", "fail")
        assert (signal(told).run_id, signal(told).duration) == (RUN, 1_500)

    def test_a_body(self):
        body = {"status": "ok", "monitor_slug": "another", "environment": "staging"}
        told = read(json.dumps(body).encode(), "/api/42/cron/nightly/k3y", content_type="application/json")
        assert (signal(told).slug, str(signal(told).kind)) == ("nightly-staging", "success")

    def test_the_key_may_stand_in_the_header(self):
        told = asking.read(
            sentry, request("/api/42/cron/nightly", status="ok", headers={"x-sentry-auth": "sentry sentry_key=k3y"})
        )
        assert told.key == "k3y"

    @pytest.mark.parametrize("query", [{}, {"status": "done"}, {"status": ""}])
    def test_without_a_status_it_is_refused(self, query):
        assert asking.read(sentry, request("/api/42/cron/nightly/k3y", **query)).status == 400

    def test_it_is_answered_as_relay_does(self):
        assert (sentry.done(request("/api/42/cron/nightly/k3y")).status, sentry.done(request("/x")).text) == (202, "{}")


class TestMonitorConfig:
    CREATE = "/create/api/42/envelope"

    def made(self, **parts):
        return read(envelope(check_in(monitor_config=CONFIG | parts)), self.CREATE)

    def test_it_is_a_job(self):
        made = job(self.made(failure_issue_threshold=3, owner="team:1"))
        assert (made.slug, made.schedule, made.timezone) == ("nightly", ("0 9 * * *",), "Asia/Tokyo")
        assert (made.grace, made.max_runtime, made.alert_after) == (5 * MINUTE, 30 * MINUTE, 3)
        assert (made.owner, made.source) == ("team:1", "sentry")

    def test_only_below_create(self):
        told = read(envelope(check_in(monitor_config=CONFIG)))
        assert (job(told), told.pings[0].create) == (None, False)

    @pytest.mark.parametrize(
        ("value", "unit", "schedule"),
        [
            (10, "minute", "every 10m"),
            (2, "hour", "every 2h"),
            (1, "day", "every 1d"),
            (1, "week", "every 7d"),
            (2, "month", "every 60d"),
            (1, "year", "every 365d"),
        ],
    )
    def test_an_interval(self, value, unit, schedule):
        given = {"type": "interval", "value": value, "unit": unit}
        assert job(self.made(schedule=given)).schedule == (schedule,)

    @pytest.mark.parametrize(
        ("margin", "grace"), [(None, 1), (0, 1), (-5, 1), (10, 10), ("7", 7), ("x", 1), (99_999, 40_320), (1e400, 1)]
    )
    def test_a_margin_is_a_grace_of_at_least_a_minute(self, margin, grace):
        assert job(self.made(checkin_margin=margin)).grace == grace * MINUTE

    @pytest.mark.parametrize(
        ("parts", "words"),
        [
            ({"schedule": {"type": "crontab", "value": "61 * * * *"}}, "monitor_config: "),
            ({"schedule": {"type": "interval", "value": 0, "unit": "day"}}, "is neither a crontab nor an interval"),
            ({"schedule": {"type": "interval", "value": 1, "unit": "decade"}}, "is neither a crontab nor an interval"),
            ({"schedule": {"type": "interval", "value": "nan", "unit": "day"}}, "is neither a crontab nor an interval"),
            ({"schedule": None}, "schedule is no object"),
            ({"timezone": "Mars/Base"}, "Mars/Base"),
        ],
    )
    def test_a_wrong_one_costs_no_check_in(self, parts, words):
        told = self.made(**parts)
        assert (job(told), str(signal(told).kind)) == (None, "success")
        assert words in told.remark

    def test_none_at_all_is_remarked(self):
        assert read(envelope(check_in()), self.CREATE).remark == "the check-in has no monitor_config to make a job of"
