"""Servers that answer as they should not: each case is one call, all of one language's in one process."""

import base64
from dataclasses import dataclass

import pytest
from faulty_receiver import Answer, Receiver
from languages import KEY

TIMEOUT = 2.0
HUGE = 5_000_000
BYTES = bytes(range(1, 256))  # no shell can hold the byte 0


@dataclass(frozen=True, kw_only=True)
class Case:
    call: dict
    answers: tuple[Answer, ...] = ()


CASES = {
    "plain": Case(call={"call": "success"}),
    "flaky": Case(call={"call": "success", "body": "3 rows"}, answers=(Answer(status=500), Answer())),
    "stubborn": Case(call={"call": "fail"}, answers=(Answer(status=408), Answer(status=503), Answer())),
    "broken": Case(call={"call": "success"}, answers=(Answer(status=500, body=b"oops"),)),
    "busy": Case(call={"call": "success"}, answers=(Answer(status=429, headers={"Retry-After": "0099"}), Answer())),
    "absent": Case(
        call={"call": "success"},
        answers=(Answer(status=404, body=b"not found", headers={"Heartbeat-Hint": "did you mean abstract?"}),),
    ),
    "unknown": Case(call={"call": "log"}, answers=(Answer(status=404, body=b"not found"),)),
    "refused": Case(call={"call": "success", "options": {"exit_status": 200}}, answers=(Answer(status=400),)),
    "moved": Case(
        call={"call": "success"}, answers=(Answer(status=302, headers={"Location": "/ping/other/elsewhere"}),)
    ),
    "gossip": Case(
        call={"call": "success"},
        answers=(Answer(status=403, body=f"cannot\r\nPOST \x1b[31m/ping/{KEY}/gossip \xff".encode("latin-1")),),
    ),
    "huge": Case(call={"call": "fail", "body": "x", "times": HUGE, "end": "the end\n"}),
    "bytes": Case(call={"call": "log", "base64": base64.b64encode(BYTES).decode()}),
    "@file": Case(call={"call": "log", "body": "@/etc/hostname"}),
    "日次 レポート/1": Case(call={"call": "start", "body": "三行"}),
    "torrent": Case(call={"call": "success"}, answers=(Answer(body=b"x" * HUGE),)),
    "flood": Case(call={"call": "success"}, answers=(Answer(status=403, body=b"x" * HUGE),)),
    "drip": Case(
        call={"call": "success", "options": {"timeout": 1}}, answers=(Answer(status=500, body=b"x" * HUGE, drip=True),)
    ),
    "slow": Case(call={"call": "success", "options": {"timeout": 1}}, answers=(Answer(hang=True),)),
}


@dataclass(frozen=True, kw_only=True)
class Met:
    """What a case came to: the answer of the call, its line on stderr, and what the server got."""

    result: object
    line: str
    pings: list


@pytest.fixture(scope="module")
def met(told):
    with Receiver() as receiver:
        for slug, case in CASES.items():
            receiver.answers[slug] += case.answers
        done = told(
            [{"slug": slug, **case.call} for slug, case in CASES.items()],
            HEARTBEAT_URL=receiver.url + "/",
            HEARTBEAT_PING_KEY=KEY,
            HEARTBEAT_TIMEOUT=str(TIMEOUT),
        )
        assert (done.status, len(done.results)) == (0, len(CASES)), done.stderr
        assert {one.job for one in receiver.seen} == set(CASES)
        lines = [done.line(slug) for slug in CASES]
        assert sorted(line for line in lines if line) == sorted(done.stderr.splitlines()), "each line is about a job"
        return {
            slug: Met(result=result, line=line, pings=receiver.about(slug))
            for slug, result, line in zip(CASES, done.results, lines, strict=True)
        }


def test_a_ping_is_one_post_with_its_headers_and_says_nothing(met, language):
    (ping,) = met["plain"].pings
    assert (met["plain"].result, met["plain"].line) == (True, "")
    assert (ping.method, ping.path, ping.body) == ("POST", ["ping", KEY, "plain"], b"")
    assert list(ping.query) == ["at", "sent"]
    assert 0 <= float(ping.query["sent"]) - float(ping.query["at"]) < TIMEOUT
    names = {"php-streams": "php", "bash": "shell", "dash": "shell", "wget": "shell"}
    assert ping.headers["user-agent"] == f"heartbeat-{names.get(language.name, language.name)}"
    assert ping.headers["content-type"] == "text/plain; charset=utf-8"
    assert len(bytes.fromhex(ping.headers["heartbeat-id"])) == 16


def test_after_a_500_it_tries_again_with_the_same_id_and_body(met):
    assert (met["flaky"].result, met["flaky"].line) == (True, "")
    assert [ping.body for ping in met["flaky"].pings] == [b"3 rows", b"3 rows"]
    assert len({ping.headers["heartbeat-id"] for ping in met["flaky"].pings}) == 1
    assert len({ping.url.partition("&sent=")[0] for ping in met["flaky"].pings}) == 1
    first, second = (float(ping.query["sent"]) for ping in met["flaky"].pings)
    assert first <= second, "each try says when it is sent"


def test_a_third_try_comes_after_a_longer_pause(met):
    first, second, third = (ping.when for ping in met["stubborn"].pings)
    assert met["stubborn"].result is True
    assert second - first >= 0.5 * 0.05 * TIMEOUT
    assert third - second >= 0.5 * 0.1 * TIMEOUT


def test_three_tries_are_all(met):
    assert (met["broken"].result, len(met["broken"].pings)) == (False, 3)
    assert met["broken"].line.startswith("heartbeat: success of 'broken' was not delivered: http://localhost:")
    assert "answered 500 'oops'; try later" in met["broken"].line


def test_retry_after_is_kept_up_to_half_of_what_is_left(met):
    first, second = met["busy"].pings
    assert met["busy"].result is True
    assert TIMEOUT / 4 <= second.when - first.when < TIMEOUT


def test_what_is_refused_is_not_tried_again_and_the_servers_hint_is_shown(met):
    assert (met["absent"].result, len(met["absent"].pings)) == (False, 1)
    assert met["absent"].line.endswith("answered 404 'not found'; did you mean abstract?")


def test_without_a_hint_the_line_says_what_would_be_right(met):
    assert (met["unknown"].result, len(met["unknown"].pings)) == (False, 1)
    assert met["unknown"].line.startswith("heartbeat: log of 'unknown' was not delivered: ")
    assert "check the job's name and HEARTBEAT_PING_KEY" in met["unknown"].line


def test_an_exit_status_stands_in_the_path_and_in_the_line(met):
    (ping,) = met["refused"].pings
    assert ping.path == ["ping", KEY, "refused", "200"]
    assert met["refused"].line.startswith("heartbeat: exit status 200 of 'refused' was not delivered: ")
    assert "check the exit status (0-255)" in met["refused"].line


def test_a_redirect_is_not_followed(met):
    assert (met["moved"].result, len(met["moved"].pings)) == (False, 1)
    assert "redirects are not followed: set HEARTBEAT_URL to the last one" in met["moved"].line


def test_an_answer_that_repeats_the_key_is_one_line_without_it(met):
    assert met["gossip"].result is False
    assert "answered 403 " in met["gossip"].line
    assert "\x1b" not in met["gossip"].line


def test_of_a_huge_body_the_last_10000_bytes_arrive(met):
    (ping,) = met["huge"].pings
    assert (met["huge"].result, ping.path[3:]) == (True, ["fail"])
    assert ping.body == b"x" * (10_000 - 8) + b"the end\n"


def test_a_huge_answer_is_not_taken_in(met):
    assert (met["torrent"].result, met["torrent"].line) == (True, "")
    assert (met["flood"].result, len(met["flood"].pings)) == (False, 1)
    assert len(met["flood"].line) < 1000


def test_an_answer_that_drips_holds_the_job_for_the_timeout_at_most(met):
    assert met["drip"].result is False
    assert met["slow"].pings[0].when - met["drip"].pings[0].when < 4


def test_bytes_arrive_as_they_are(met):
    (ping,) = met["bytes"].pings
    assert (met["bytes"].result, ping.path[3:], ping.body) == (True, ["log"], BYTES)


def test_a_body_that_looks_like_a_file_is_no_file(met):
    (ping,) = met["@file"].pings
    assert ping.body == b"@/etc/hostname"


def test_any_name_is_a_name(met):
    (ping,) = met["日次 レポート/1"].pings
    assert met["日次 レポート/1"].result is True
    assert ping.path == ["ping", KEY, "日次 レポート/1", "start"]
    assert ping.body.decode() == "三行"


def test_a_server_that_does_not_answer_is_asked_again_within_the_timeout(met):
    assert met["slow"].result is False
    assert 2 <= len(met["slow"].pings) <= 3
    assert met["slow"].pings[-1].when - met["slow"].pings[0].when < 1
    assert met["slow"].line.startswith("heartbeat: success of 'slow' was not delivered: http://localhost:")
