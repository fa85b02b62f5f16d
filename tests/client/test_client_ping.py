import datetime as dt
import re
import time

import pytest

import heartbeat

UUID = "0b7c9d6e-1f2a-4b3c-8d4e-5f60718293a4"


def apart_from_sent(ping):
    """What a ping says apart from when it was sent, which is now."""
    assert re.fullmatch(r"\d+\.\d{3}", ping.query["sent"])
    return {name: value for name, value in ping.query.items() if name != "sent"}


def test_a_ping_is_a_post_that_says_when(receiver):
    before = time.time()
    assert heartbeat.ping("daily-report") is True
    [ping] = receiver.pings
    assert (ping.method, ping.path, ping.body) == ("POST", "/ping/the-key/daily-report", b"")
    assert set(ping.query) == {"at", "sent"}
    assert re.fullmatch(r"\d+\.\d{3}", ping.query["at"])
    assert before - 0.001 <= float(ping.query["at"]) <= time.time() + 0.001
    assert re.fullmatch("[0-9a-f]{32}", ping.headers["Heartbeat-Id"])


def test_each_kind_has_its_place_in_the_url(receiver):
    heartbeat.start("j")
    heartbeat.success("j")
    heartbeat.fail("j", "it broke")
    heartbeat.log("j", "halfway")
    heartbeat.ping("j", kind="log")
    heartbeat.ping("j", exit_status=0)
    heartbeat.fail("j", exit_status=3)
    assert receiver.kinds() == ["start", "", "fail", "log", "log", "0", "3"]
    assert [ping.body for ping in receiver.pings][2:4] == [b"it broke", b"halfway"]


def test_every_option_reaches_the_server(receiver):
    at = dt.datetime(2026, 11, 22, 9, 0, 0, 250_000, tzinfo=dt.timezone(dt.timedelta(hours=9)))
    heartbeat.ping("j", run_id=UUID, duration=1.5, at=at, for_="2026-11-22T09:00", create=True)
    assert apart_from_sent(receiver.pings[0]) == {
        "rid": UUID,
        "for": "2026-11-22T09:00",
        "duration": "1.5",
        "at": "1795305600.250",
        "create": "1",
    }


def test_a_duration_of_nothing_is_sent(receiver):
    heartbeat.ping("j", duration=0, at=1_795_305_600)
    assert apart_from_sent(receiver.pings[0]) == {"duration": "0", "at": "1795305600.000"}


def test_a_uuid_needs_no_key(receiver, monkeypatch):
    monkeypatch.delenv("HEARTBEAT_PING_KEY")
    assert heartbeat.start(UUID.upper())
    assert receiver.pings[0].path == f"/ping/{UUID}/start"


def test_a_whole_ping_url_needs_no_environment(receiver, monkeypatch):
    monkeypatch.delenv("HEARTBEAT_PING_KEY")
    monkeypatch.delenv("HEARTBEAT_URL")
    assert heartbeat.fail(f"{receiver.url}/ping/{UUID}/")
    assert receiver.pings[0].path == f"/ping/{UUID}/fail"


def test_the_server_may_live_below_a_path(receiver, monkeypatch):
    monkeypatch.setenv("HEARTBEAT_URL", f"{receiver.url}/watch/")
    heartbeat.ping("j")
    assert receiver.pings[0].path == "/watch/ping/the-key/j"


def test_names_and_bodies_may_be_in_any_language(receiver):
    heartbeat.log("日次/レポート", "終わりました ✓")
    [ping] = receiver.pings
    assert ping.path == "/ping/the-key/%E6%97%A5%E6%AC%A1%2F%E3%83%AC%E3%83%9D%E3%83%BC%E3%83%88/log"
    assert ping.body.decode() == "終わりました ✓"
    assert ping.headers["Content-Type"] == "text/plain; charset=utf-8"


def test_bytes_and_broken_text_are_no_trouble(receiver):
    heartbeat.log("j", b"\xff\x00")
    heartbeat.log("j", "name \udcff")
    assert [ping.body for ping in receiver.pings] == [b"\xff\x00", b"name \\udcff"]


def test_of_a_huge_body_the_last_10_000_bytes_are_sent(receiver):
    heartbeat.fail("j", "x" * 5_000_000 + "the reason")
    assert len(receiver.pings[0].body) == 10_000
    assert receiver.pings[0].body.endswith(b"xxthe reason")


def test_a_failing_server_is_tried_again_with_the_same_id_and_time(receiver, saying, capsys):
    receiver.answer(saying(status=500), saying(status=503))
    assert heartbeat.ping("j", "text")
    assert len(receiver.pings) == 3
    assert len({(p.headers["Heartbeat-Id"], p.query["at"], p.body) for p in receiver.pings}) == 1
    assert capsys.readouterr().err == ""


def test_two_pings_have_two_ids(receiver):
    heartbeat.ping("j")
    heartbeat.ping("j")
    assert receiver.pings[0].headers["Heartbeat-Id"] != receiver.pings[1].headers["Heartbeat-Id"]


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_what_may_pass_is_tried_three_times(receiver, saying, capsys, status):
    receiver.answer(*[saying(status=status, body=b"busy")] * 9)
    assert heartbeat.ping("j", timeout=0.5) is False
    assert len(receiver.pings) == 3
    assert capsys.readouterr().err == (
        f"heartbeat: success of 'j' was not delivered: {receiver.url} answered {status} 'busy'; try later\n"
    )


@pytest.mark.parametrize("status", [302, 400, 401, 403, 404, 409, 413])
def test_what_will_not_pass_is_tried_once(receiver, saying, capsys, status):
    receiver.answer(saying(status=status, headers={"Location": f"{receiver.url}/elsewhere"}))
    assert heartbeat.ping("j") is False
    assert len(receiver.pings) == 1
    assert f"answered {status}" in capsys.readouterr().err


def test_an_unknown_name_is_told_with_the_servers_hint(receiver, saying, capsys):
    hint = {"Heartbeat-Hint": "did you mean 'daily-report'?"}
    receiver.answer(saying(status=404, body=b"not found", headers=hint))
    assert heartbeat.ping("daily-reprot") is False
    assert capsys.readouterr().err == (
        "heartbeat: success of 'daily-reprot' was not delivered: "
        f"{receiver.url} answered 404 'not found'; did you mean 'daily-report'?\n"
    )


def test_an_exit_status_that_is_not_delivered_is_named(receiver, saying, capsys):
    receiver.answer(saying(status=400, body=b"invalid url format"))
    heartbeat.ping("j", exit_status=300)
    err = capsys.readouterr().err
    assert err.startswith("heartbeat: exit status 300 of 'j' was not delivered")
    assert "check the exit status (0-255)" in err


def test_a_wrong_key_is_told(receiver, saying, capsys):
    receiver.answer(saying(status=404, body=b"not found"))
    heartbeat.ping("j")
    assert "check the job's name and HEARTBEAT_PING_KEY" in capsys.readouterr().err


def test_retry_after_is_waited_for(receiver, saying):
    receiver.answer(saying(status=429, headers={"Retry-After": "1"}))
    began = time.monotonic()
    assert heartbeat.ping("j", timeout=2)
    assert time.monotonic() - began >= 1


def test_retry_after_is_waited_for_up_to_the_timeout(receiver, saying):
    receiver.answer(saying(status=429, headers={"Retry-After": "86400"}))
    began = time.monotonic()
    assert heartbeat.ping("j", timeout=0.5)
    assert time.monotonic() - began < 1.5


def test_a_server_that_is_down_is_told(nobody, capsys):
    assert heartbeat.ping("j") is False
    assert re.fullmatch(
        rf"heartbeat: success of 'j' was not delivered: {nobody} cannot be reached \(.*refused\); "
        r"is it up, is HEARTBEAT_URL right\?\n",
        capsys.readouterr().err,
    )


@pytest.mark.usefixtures("receiver")
def test_a_host_that_has_no_address_is_told(monkeypatch, capsys):
    monkeypatch.setenv("HEARTBEAT_URL", "http://no.such.host.invalid")
    assert heartbeat.ping("j") is False
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert "http://no.such.host.invalid" in err


def test_a_server_that_hangs_is_left_after_the_timeout(receiver, saying, capsys):
    receiver.answer(*[saying(hang=True)] * 3)
    began = time.monotonic()
    assert heartbeat.ping("j", timeout=0.2) is False
    assert time.monotonic() - began < 0.6
    assert f"was not delivered: {receiver.url} " in capsys.readouterr().err


def test_a_server_that_hangs_once_is_tried_again(receiver, saying):
    receiver.answer(saying(hang=True))
    assert heartbeat.ping("j", timeout=0.3)
    assert len({ping.headers["Heartbeat-Id"] for ping in receiver.wait_for(2)}) == 1


def test_a_proxy_of_the_environment_is_used(receiver, monkeypatch):
    monkeypatch.setenv("HEARTBEAT_URL", "http://heartbeat.example.org")
    monkeypatch.setenv("http_proxy", receiver.url)
    assert heartbeat.ping("j")
    assert receiver.pings[0].headers["Host"] == "heartbeat.example.org"


@pytest.mark.parametrize(
    ("name", "value", "remedy"),
    [
        ("HEARTBEAT_URL", "", "HEARTBEAT_URL is not set; set it to the server's address"),
        (
            "HEARTBEAT_PING_KEY",
            "",
            "HEARTBEAT_PING_KEY is not set; set it to the ping key, or name the job by its uuid",
        ),
        ("HEARTBEAT_URL", "s3:///evidence", "'s3:///evidence' is no place in S3; give it the form s3://bucket/prefix"),
        ("HEARTBEAT_URL", "heartbeat.example.org", "give it the form https://heartbeat.example.org"),
        ("HEARTBEAT_URL", "https://me:secret@host", "give it the form https://heartbeat.example.org"),
        ("HEARTBEAT_URL", "file:///etc/passwd", "give it the form https://heartbeat.example.org"),
    ],
)
@pytest.mark.usefixtures("receiver")
def test_a_wrong_setting_is_told_in_one_line(monkeypatch, capsys, name, value, remedy):
    monkeypatch.setenv(name, value)
    assert heartbeat.ping("j") is False
    err = capsys.readouterr().err
    assert remedy in err
    assert err.count("\n") == 1
    assert "secret" not in err


@pytest.mark.usefixtures("receiver")
def test_a_timeout_that_is_no_number_does_not_stop_the_ping(monkeypatch, capsys):
    monkeypatch.setenv("HEARTBEAT_TIMEOUT", "10s")
    assert heartbeat.ping("j")
    assert capsys.readouterr().err == "heartbeat: HEARTBEAT_TIMEOUT='10s' is no number of seconds; taking 5\n"


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"at": dt.datetime(2026, 11, 22, 9)}, "has no time zone; pass an aware datetime"),  # noqa: DTZ001 - the point
        ({"at": "yesterday"}, "AttributeError"),
        ({"body": 7}, "TypeError"),
    ],
)
@pytest.mark.usefixtures("receiver")
def test_our_callers_mistakes_do_not_stop_the_job_either(capsys, options, problem):
    assert heartbeat.ping("j", **options) is False
    assert problem in capsys.readouterr().err


@pytest.mark.usefixtures("receiver")
def test_no_name_at_all_does_not_stop_the_job(capsys):
    assert heartbeat.ping(None) is False
    assert capsys.readouterr().err.startswith("heartbeat: success of 'None' was not delivered")


def test_what_opens_a_job_is_not_written_out(nobody, capsys):
    heartbeat.ping("j")
    heartbeat.ping(UUID)
    heartbeat.ping(f"{nobody}/ping/{UUID}")
    err = capsys.readouterr().err
    assert "the-key" not in err
    assert UUID not in err
    assert "0b7c9d6e…" in err


def test_a_servers_words_cannot_break_the_line(receiver, saying, capsys):
    receiver.answer(saying(status=404, body=b"\x1b[2J\nfake line", headers={"Heartbeat-Hint": "a\x1bb"}))
    heartbeat.ping("j")
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert "\x1b" not in err


def test_it_raises_when_asked_to(receiver, saying):
    receiver.answer(saying(status=404))
    with pytest.raises(heartbeat.PingError, match="answered 404"):
        heartbeat.ping("j", raise_errors=True)


@pytest.mark.usefixtures("nobody")
def test_it_raises_when_the_environment_asks_to(monkeypatch):
    monkeypatch.setenv("HEARTBEAT_RAISE", "1")
    with pytest.raises(heartbeat.PingError, match="cannot be reached"):
        heartbeat.ping("j")
    assert heartbeat.ping("j", raise_errors=False) is False


@pytest.mark.usefixtures("nobody")
def test_no_stderr_is_no_trouble(monkeypatch):
    monkeypatch.setattr("sys.stderr", None)
    assert heartbeat.ping("j") is False
