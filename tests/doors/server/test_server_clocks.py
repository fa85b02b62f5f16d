"""Real servers that are away for a while, and whose clock is set: who is told of what.

HEARTBEAT_SOAK=1 plays the outage at full length (130 seconds, jobs by the minute); else all is ten times quicker.
"""

import contextlib
import os
import signal
import socket
import sqlite3
import threading
import time

import faketime
import pytest
from served import KEY, until

from heartbeat.store import rows

SOAK = bool(os.environ.get("HEARTBEAT_SOAK"))
PACE = 1.0 if SOAK else 0.1
QUICK = {"half": ("every 30s", "10s"), "minute": ("every 1m", "30s")}
TENTH = {"half": ("every 3s", "1s"), "minute": ("every 6s", "3s")}
CRON = {"cron": ("* * * * *", "30s")}
HEAD = "defaults: {notify: [screen]}\nservice: {notify: [screen]}\nchannels: {screen: {console: {}}}\njobs:\n"


def jobs_of(given):
    lines = (f'  {slug}: {{schedule: "{schedule}", grace: {grace}}}\n' for slug, (schedule, grace) in given.items())
    return HEAD + "".join(lines)


class Client:
    """Pings these jobs again and again, whether anybody answers or not, as a client without any retries."""

    def __init__(self, port, slugs, every):
        self.port, self.slugs, self.every = port, list(slugs), every
        self.over = threading.Event()
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def run(self):
        while not self.over.wait(self.every):
            for slug in self.slugs:
                with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 2) as call:
                    call.sendall(f"GET /ping/{KEY}/{slug} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
                    call.settimeout(5)
                    call.recv(100)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.over.set()
        self.thread.join()


def told(server):
    """(event, job) of every alert there ever was, in the order in which they were told."""
    with contextlib.closing(sqlite3.connect(server.db)) as db:
        found = db.execute("SELECT delivery, id FROM deliveries ORDER BY created_at, number").fetchall()
    alerts = [rows.DELIVERY.load(text, key).alert for text, key in found]
    return [(str(alert.event), alert.slug) for alert in alerts]


def free_port():
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        return bound.getsockname()[1]


def test_an_outage_of_ours_under_a_client_that_never_stops_is_told_to_nobody(serve):
    port, given = free_port(), {**(QUICK if SOAK else TENTH), **CRON}
    with Client(port, given, 15 * PACE):
        server = serve(jobs=jobs_of(given), HEARTBEAT_PORT=str(port))
        time.sleep(60 * PACE)
        server.stop(signal.SIGKILL)
        time.sleep(130 * PACE)
        again = serve(jobs=jobs_of(given), HEARTBEAT_PORT=str(port))
        time.sleep(100 * PACE)
        assert told(again) == []
        assert all(again.history(slug) for slug in given)
        again.stop()


def test_a_job_that_stopped_before_our_outage_is_told_after_it(serve):
    port, given = free_port(), QUICK if SOAK else TENTH
    server = serve(jobs=jobs_of(given), HEARTBEAT_PORT=str(port))
    assert all(server.ping(slug).status == 200 for slug in given)
    time.sleep(25 * PACE)
    server.stop(signal.SIGKILL)
    time.sleep(130 * PACE)
    again = serve(jobs=jobs_of(given), HEARTBEAT_PORT=str(port))
    until(lambda: set(told(again)) == {("opened", slug) for slug in given}, (60 + 30 + 60) * PACE)
    again.stop()


def test_a_front_that_was_away_is_a_time_in_which_nobody_listened(serve):
    server = serve(jobs=jobs_of(TENTH))
    assert all(server.ping(slug).status == 200 for slug in TENTH)
    blinds = lambda: (server.document("clock") or {}).get("blinds", [])  # noqa: E731 - asked twice
    before = blinds()
    front = server.front
    os.kill(front, signal.SIGKILL)
    until(lambda: server.front not in {0, front} and len(blinds()) > len(before))
    (since, over) = blinds()[-1]
    assert 0 < over - since < 15_000
    server.stop()


@pytest.fixture
def clock(tmp_path):
    """A clock that can be set. libfaketime moves CLOCK_MONOTONIC_COARSE with it, by which libuv counts its timers: a
    front whose clock was set back does not end by itself then.
    """
    return faketime.Settable(tmp_path / "clock")


STEADY = {"steady": ("every 2s", "6s"), "gone": ("every 2s", "1s"), "never": ("every 8s", "1s")}


def test_a_clock_that_is_set_back_is_noticed_and_hides_nothing(serve, clock):
    server = serve(jobs=jobs_of(STEADY), **clock.environ)
    assert server.ping("gone").status == 200
    with Client(server.port, ["steady"], 0.5):
        until(lambda: server.history("steady"))
        clock.set("-1h")
        until(lambda: server.ask("GET", "/healthz").status == 503)
        assert "the clock of this machine was set back by" in server.ask("GET", "/healthz").body.decode()
        until(lambda: {("ill", ""), ("opened", "gone"), ("opened", "never")} <= set(told(server)))
    assert ("opened", "steady") not in told(server)
    until(lambda: ("opened", "steady") in told(server))
    assert "this machine's clock was set" in server.log
    server.stop(signal.SIGKILL)  # see `clock`


def test_a_clock_that_was_set_back_while_we_were_away_is_noticed_on_the_start(serve, clock):
    server = serve(jobs=jobs_of(STEADY), **clock.environ)
    assert [server.ping(slug).status for slug in ("gone", "steady")] == [200, 200]
    until(lambda: server.document("clock"))
    server.stop(signal.SIGKILL)
    clock.set("-1h")
    again = serve(jobs=jobs_of(STEADY), **clock.environ)
    until(lambda: {("ill", ""), ("opened", "gone"), ("opened", "steady")} <= set(told(again)))
    again.stop(signal.SIGKILL)  # see `clock`


def test_a_clock_that_is_set_forward_is_said_and_is_nobodys_miss(serve, clock):
    given = {"a": ("every 5s", "5s"), "b": ("every 10s", "5s")}
    server = serve(jobs=jobs_of(given), **clock.environ)
    with Client(server.port, given, 0.5):
        until(lambda: all(server.history(slug) for slug in given))
        time.sleep(1)
        clock.set("+10m")
        until(lambda: ("ill", "") in told(server))
        time.sleep(4)
        assert [pair for pair in told(server) if pair[1]] == []
    assert "the clock of this machine was set forward by" in server.ask("GET", "/healthz").body.decode()
    server.stop(signal.SIGKILL)  # see `clock`
