"""One server watches another."""

import time
from io import StringIO

import pytest
from served import KEY, Served

from heartbeat import settings
from heartbeat.doors.http.watchdog import Watchdog
from heartbeat.errors import BadSetting
from heartbeat.telemetry import Log

WATCHING = "jobs: {other-server: {schedule: every 2m}}\n"


def until(holds, seconds=20):
    """Wait until this holds; whether it does."""
    end = time.monotonic() + seconds
    while not holds() and time.monotonic() < end:
        time.sleep(0.05)
    return holds()


def test_a_server_that_is_well_says_so_to_its_watcher(tmp_path):
    for name in ("watcher", "watched"):
        (tmp_path / name).mkdir()
    with Served(tmp_path / "watcher", jobs=WATCHING) as watcher:
        url = f"http://127.0.0.1:{watcher.port}/ping/{KEY}/other-server"
        with Served(tmp_path / "watched", HEARTBEAT_WATCHDOG_URL=url) as watched:
            assert until(lambda: watcher.history("other-server"))
            assert watched.log.count("watchdog") == 0


def test_a_watcher_that_is_away_is_told_and_hinders_nothing(tmp_path):
    with Served(tmp_path, HEARTBEAT_WATCHDOG_URL="http://127.0.0.1:9/ping/secret-key/x") as served:
        assert until(lambda: "the watchdog URL did not take our heartbeat" in served.log)
        assert served.ping("backup").said == (200, "OK")
        assert served.ask("GET", "/healthz").status == 200
        assert "secret-key" not in served.log


@pytest.mark.parametrize("url", ["file:///etc/secret", "http://exa mple/secret", "https://u:secret@example.org/x"])
def test_an_address_that_is_none_is_refused_without_showing_it(url):
    with pytest.raises(BadSetting, match="HEARTBEAT_WATCHDOG_URL must ") as caught:
        settings.read({"HEARTBEAT_WATCHDOG_URL": url})
    assert "secret" not in str(caught.value)


class TestStack:
    """The settings of the functions on AWS."""

    def test_only_the_table_must_be_there(self):
        assert settings.read_stack({"HEARTBEAT_TABLE": "t"}) == settings.StackSettings(name="heartbeat", table="t")

    def test_all_of_them(self):
        found = settings.read_stack(
            {
                "HEARTBEAT_STACK": "hb",
                "HEARTBEAT_TABLE": "t",
                "HEARTBEAT_SHARDS": "4",
                "HEARTBEAT_KEEP_DAYS": "30",
                "HEARTBEAT_PING_KEY": "key-number-1,key-number-2",
                "HEARTBEAT_BUCKET": "b",
                "HEARTBEAT_WATCHDOG_URL": "https://example.org/ping/k/s",
                "LAMBDA_TASK_ROOT": "/var/task",
                "AWS_LAMBDA_FUNCTION_NAME": "hb-ping",
            }
        )
        assert (found.name, found.shards, found.keep_days, found.bucket) == ("hb", 4, 30, "b")
        assert found.ping_keys == ("key-number-1", "key-number-2")
        assert (str(found.jobs), found.function) == ("/var/task/jobs.json", "hb-ping")
        assert found.watchdog == "https://example.org/ping/k/s"

    def test_a_watchdog_that_cannot_be_called_keeps_nobody_from_sweeping(self):
        given = {"HEARTBEAT_TABLE": "t", "HEARTBEAT_WATCHDOG_URL": "http://exa mple/ping/secret-key/x"}
        log = StringIO()
        assert not Watchdog(settings.read_stack(given).watchdog, Log(lambda: 0.0, stream=log)).beat()
        assert "the URL or a header cannot be sent" in log.getvalue()
        assert "secret-key" not in log.getvalue()

    @pytest.mark.parametrize(
        ("given", "told"),
        [
            ({}, "HEARTBEAT_TABLE is not set"),
            (
                {"HEARTBEAT_TABLE": "t", "HEARTBEAT_SHARDS": "0"},
                "HEARTBEAT_SHARDS is '0'; give a number from 1 to 1000",
            ),
        ],
    )
    def test_what_is_wrong_is_said(self, given, told):
        with pytest.raises(BadSetting, match=told):
            settings.read_stack(given)
