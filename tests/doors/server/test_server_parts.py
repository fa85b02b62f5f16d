"""The small parts: the hello, chores, health, the jobs file's stamp, the check of uvicorn's inside."""

import io
import json
import threading

import pytest
import uvicorn
from alert_samples import alert
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from heartbeat import settings
from heartbeat.channels.lazy import KEPT
from heartbeat.core.addressing import delivery
from heartbeat.doors.server import uvicorn_fit
from heartbeat.doors.server.health import Health
from heartbeat.doors.server.hello import hello
from heartbeat.doors.server.ipc import ANSWERS, Frames, frame
from heartbeat.doors.server.jobs_file import JobsFile
from heartbeat.doors.server.threads import Chore
from heartbeat.doors.server.wiring import RingingStore
from heartbeat.errors import StoreUnavailable
from heartbeat.model import Change, Illness
from heartbeat.store.sqlite.store import SQLiteStore
from heartbeat.telemetry import Happened, Log
from heartbeat.verbs.illness import fall_ill, illnesses

T0 = 1_795_350_000_000


def quiet_log():
    return Log(lambda: 1_795_350_000.25, stream=io.StringIO())


def test_hello_shows_an_address_that_works():
    shown = settings.read({}, host="0.0.0.0")  # noqa: S104 - nothing is bound here
    assert "http://127.0.0.1:80/ping/k/job" in hello(shown, 80, slug="job", jobs=1, key="k")
    assert "http://[::1]:80/" in hello(settings.read({}, host="::1"), 80, slug="job", jobs=1, key="k")
    public = settings.read({}, url="https://hb.example.org/")
    assert '"https://hb.example.org/ping/$HEARTBEAT_PING_KEY/a?create=1"' in hello(public, 80, slug="a", jobs=0, key="")


class TestChores:
    def test_goes_on_after_anything(self):
        steps = [ZeroDivisionError("x"), StoreUnavailable("away"), StoreUnavailable("away"), None]
        log, done = quiet_log(), threading.Event()

        def step():
            what = steps.pop(0) if steps else None
            if what is None:
                done.set()
                return 60.0
            chore.wake()
            raise what

        chore = Chore("test", step, log)
        chore.start()
        assert done.wait(5)
        chore.stop()
        assert chore.join(5)
        assert (log.counts[Happened.CRASHED], log.counts[Happened.HINDERED]) == (1, 1)
        assert chore.trouble == ""


class Postman:
    def __init__(self, *, waits):
        self.waits, self.woken = waits, 0

    def wake(self):
        self.woken += 1


@pytest.mark.parametrize(("waits", "woken"), [("yy", [1, 0]), ("ny", [0, 1]), ("nn", [1, 1])])
def test_one_of_those_who_wait_is_woken_for_a_new_alert(waits, woken):
    store = RingingStore(":memory:")
    store.postmen = postmen = [Postman(waits=each == "y") for each in waits]
    store.commit([Change(deliveries=(delivery(alert(), "ops", T0),))])
    assert [each.woken for each in postmen] == woken


class TestJobsFile:
    TEXT = "channels: {{hook: {{webhook: {{url: 'https://a.example/', secret: '${{file:{secret}}}'}}}}}}\njobs: {{}}\n"

    def test_a_secret_that_changes_makes_another_channel_though_the_file_stays(self, tmp_path):
        secret, path = tmp_path / "secret", tmp_path / "jobs.yaml"
        secret.write_text("first")
        path.write_text(self.TEXT.format(secret=secret))
        log = quiet_log()
        file = JobsFile(path, SQLiteStore(":memory:"), log)
        file.load(T0)
        first = file.channels["hook"]
        secret.write_text("second")
        assert not file.refresh(T0 + KEPT - 1)
        assert file.channels["hook"] is first
        assert not file.refresh(T0 + KEPT)
        assert file.channels["hook"].definition != first.definition
        secret.unlink()
        second = file.channels["hook"]
        file.refresh(T0 + 2 * KEPT)
        assert file.channels["hook"] is second
        assert log.counts[Happened.CHANNEL_BROKEN] == 1


class TestHealth:
    def test_a_sweep_that_is_late_is_not_healthy(self):
        class Fine:
            away = False

            def trouble(self):
                return ""

        now = [100.0]
        health = Health(log=quiet_log(), writer=Fine(), monotonic=lambda: now[0])
        now[0] = 160.0
        assert health.report()["ok"]
        now[0] = 160.1
        assert not health.report()["ok"]
        health.swept()
        assert health.report()["last_sweep_seconds"] == 0.0

    def test_an_illness_is_not_healthy_and_is_named(self):
        class Fine:
            away = False

            def trouble(self):
                return ""

        health = Health(log=quiet_log(), writer=Fine())
        health.known = (Illness(name="channel/ops", text="ops takes no alerts", since=T0, last=T0),)
        health.unwell("letters", "a ping waits for its answer")
        health.undelivered = 3
        report = health.report()
        assert report["undelivered"] == 3
        assert not report["ok"]
        assert report["illnesses"] == {"channel/ops": "ops takes no alerts", "letters": "a ping waits for its answer"}
        health.known = ()
        health.well("letters")
        assert health.report()["ok"]

    def test_what_is_in_the_way_is_named_without_its_details(self):
        class Fine:
            away = False

            def trouble(self):
                return ""

        clock = Chore("sweep", lambda: 1.0, quiet_log())
        clock.trouble = "the store /var/lib/secret.db is locked"
        report = Health(log=quiet_log(), writer=Fine(), chores=[clock]).report()
        assert (report["hindered"], report["store"]) == (["sweep"], "away")
        assert "secret" not in json.dumps(report)

    def test_a_reason_that_no_frame_can_hold_is_told_without_what_it_cannot_hold(self):
        class Fine:
            away = False

            def trouble(self):
                return ""

        store, health = SQLiteStore(":memory:"), Health(log=quiet_log(), writer=Fine())
        fall_ill(store, "jobs-file", "\ud800 is no key", T0, ())
        health.known = illnesses(store)
        health.unwell("store", "\udfff is away")
        (report,) = Frames(ANSWERS).feed(frame(health.report()))
        assert report["illnesses"] == {"jobs-file": "? is no key", "store": "? is away"}
        store.close()


class TestInternals:
    def config(self):
        config = uvicorn.Config(lambda: None, ws="none", lifespan="off", log_config=None)
        config.load()
        return config

    def test_this_uvicorn_fits(self):
        assert uvicorn_fit.fit(self.config())

    def test_another_one_does_not(self):
        class Renamed(HttpToolsProtocol):
            on_body = None

        class Widened(HttpToolsProtocol):
            def on_body(self, body, more):
                pass

        assert not uvicorn_fit.fit(self.config(), Renamed)
        assert not uvicorn_fit.fit(self.config(), Widened)
