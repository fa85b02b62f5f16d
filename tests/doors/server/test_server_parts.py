"""The small parts: settings, strays, chores, health, the jobs file's stamp, the check of uvicorn's inside."""

import io
import json
import threading

import pytest
import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from heartbeat import settings
from heartbeat.doors.http.lately import LENGTH_MAX, Lately
from heartbeat.doors.http.ping_gate import Gate
from heartbeat.doors.lambdas.lazy_channels import KEPT
from heartbeat.doors.server import uvicorn_fit
from heartbeat.doors.server.health import Health
from heartbeat.doors.server.hello import hello
from heartbeat.doors.server.ipc import ANSWERS, Frames, frame
from heartbeat.doors.server.jobs_file import JobsFile
from heartbeat.doors.server.threads import Chore
from heartbeat.errors import BadSetting, StoreUnavailable
from heartbeat.ingest import ping
from heartbeat.model import Change, Document, Illness
from heartbeat.store.sqlite.store import SQLiteStore
from heartbeat.telemetry import WORDS, Happened, Log
from heartbeat.verbs.illness import fall_ill, illnesses
from heartbeat.verbs.unknown_pings import NEIGHBOURS, STRAYS_MAX, Strays

T0 = 1_795_350_000_000
NOON = 1_795_351_200_000  # 2026-11-22T12:40:00Z


def quiet_log():
    return Log(lambda: 1_795_350_000.25, stream=io.StringIO())


class TestReading:
    target = ping.target(b"/ping/k/job")

    def at(self, text, received=NOON):
        return ping.read(self.target, b"at=" + text.encode(), received=received).signal.at

    @pytest.mark.parametrize(
        ("text", "at"),
        [
            ("1795350000", 1_795_350_000_000),
            ("1795350000.25", 1_795_350_000_250),
            ("2026-11-22T12:20:00Z", 1_795_350_000_000),
            ("2026-11-22T21:20:00%2B09:00", 1_795_350_000_000),
            ("2026-11-22T21:20:00+09:00", 1_795_350_000_000),
            ("2026-11-22T07:20:00.5-05:00", 1_795_350_000_500),
            ("20261122T122000Z", 1_795_350_000_000),
            ("1795351199.9999", NOON),
            ("1795350000000", NOON),  # milliseconds: in the future, so it is now
            ("2026-11-22T23:00:00Z", NOON),
            ("2026-11-22T12:20:00", NOON),  # no zone: nobody knows when
            ("1969-12-31T23:59:59Z", NOON),
            ("٣", NOON),
        ],
    )
    def test_instants(self, text, at):
        assert self.at(text) == at

    @pytest.mark.parametrize(
        ("text", "duration"),
        [
            ("0", 0),
            ("1.5", 1500),
            ("90", 90_000),
            ("-1", None),
            ("1e3", None),
            ("inf", None),
            ("", None),
            ("9" * 15, None),
        ],
    )
    def test_durations(self, text, duration):
        assert ping.read(self.target, b"duration=" + text.encode(), received=T0).signal.duration == duration

    @pytest.mark.parametrize(
        ("query", "metrics"),
        [
            (b"metric=rows:0", (("rows", 0.0),)),
            (b"metric=a:1&metric=b:-2.5e3&metric=a:3", (("a", 3.0), ("b", -2500.0))),
            (b"metric=a:nan&metric=b:inf&metric=c:1e999&metric=d&metric=:1&metric=e:", ()),
            (b"&".join(b"metric=m%d:1" % i for i in range(99)), tuple((f"m{i}", 1.0) for i in range(20))),
        ],
    )
    def test_metrics(self, query, metrics):
        assert ping.read(self.target, query, received=T0).signal.metrics == metrics

    def test_a_named_slot_is_kept_as_written_but_bounded(self):
        signal = ping.read(self.target, b"for=%0a" + b"x" * 100, received=T0).signal
        assert signal.named == "x" * 40

    def test_create_is_for_names_only(self):
        by_uuid = ping.target(b"/ping/00000000-0000-0000-0000-000000000001")
        assert not ping.read(by_uuid, b"create=1", received=T0).create
        assert ping.read(self.target, b"create=0&create=1", received=T0).create


class TestSettings:
    def test_an_option_goes_before_its_variable(self):
        found = settings.read({"HEARTBEAT_PORT": "1", "HEARTBEAT_HOST": "::1"}, port=2, host=None)
        assert (found.port, found.host) == (2, "::1")

    def test_defaults(self, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        assert settings.read({}) == settings.Settings()
        (tmp_path / "jobs.yaml").write_text("jobs: {}")
        assert str(settings.read({}).config) == "jobs.yaml"

    @pytest.mark.parametrize(
        "given", [{"port": "x"}, {"port": 65536}, {"port": "nan"}, {"sweep_every": 0}, {"keep_days": 0}]
    )
    def test_numbers_are_bounded(self, given):
        with pytest.raises(BadSetting):
            settings.read({}, **given)

    def test_a_bad_key_is_not_repeated(self):
        with pytest.raises(BadSetting) as caught:
            settings.read({"HEARTBEAT_PING_KEY": "goodgood1,se cret"})
        assert "se cret" not in str(caught.value)
        assert "key 2 of 2" in str(caught.value)

    def test_hello_shows_an_address_that_works(self):
        shown = settings.read({}, host="0.0.0.0")  # noqa: S104 - nothing is bound here
        assert "http://127.0.0.1:80/ping/k/job" in hello(shown, 80, slug="job", jobs=1, key="k")
        assert "http://[::1]:80/" in hello(settings.read({}, host="::1"), 80, slug="job", jobs=1, key="k")
        public = settings.read({}, url="https://hb.example.org/")
        assert '"https://hb.example.org/ping/$HEARTBEAT_PING_KEY/a?create=1"' in hello(
            public, 80, slug="a", jobs=0, key=""
        )


class TestStrays:
    def test_the_nearest_name(self):
        strays = Strays(quiet_log())
        strays.learn([f"job-{i}" for i in range(20_000)] + ["daily-report", "settle"])
        typos = ["dayly-report", "daily-reprot", "dail-report", "aily-report", "daily_report", "setle", "ettle"]
        assert {strays.nearest(typo) for typo in typos} == {"daily-report", "settle"}
        assert strays.nearest("zzz") == ""

    def test_the_work_is_bounded(self):
        strays = Strays(quiet_log())
        strays.learn(f"{'x' * 60}-{i:06}" for i in range(50_000))
        assert NEIGHBOURS * 4 < 100
        assert strays.nearest("x" * 60 + "-0400000").startswith("x" * 60)

    def test_counts_add_up_in_the_store_and_stay_few(self):
        store, strays = SQLiteStore(":memory:"), Strays(quiet_log())
        for i in range(STRAYS_MAX + 100):
            strays.count(f"name-{i}", T0)
        strays.flush(store)
        strays.count("late", T0 + 1)
        strays.count("late", T0 + 2)
        strays.flush(store)
        found = store.document("strays").value
        assert len(found) == STRAYS_MAX
        assert found["late"] == {"count": 2, "first": T0 + 1, "last": T0 + 2}
        store.close()

    def test_a_store_that_is_away_keeps_the_counts_for_later(self):
        class Away(SQLiteStore):
            away = True

            def commit(self, changes):
                if self.away:
                    raise StoreUnavailable("away")
                return super().commit(changes)

        store, strays = Away(":memory:"), Strays(quiet_log())
        strays.count("name", T0)
        with pytest.raises(StoreUnavailable):
            strays.flush(store)
        strays.count("name", T0 + 5)
        store.away = False
        strays.flush(store)
        assert store.document("strays").value == {"name": {"count": 2, "first": T0, "last": T0 + 5}}
        store.close()

    def test_a_lost_race_keeps_the_counts_for_later(self):
        class Raced(SQLiteStore):
            def document(self, name):
                found = super().document(name)
                if found.version == 0:
                    other = Document(name=name, version=1, value={"a": {"count": 1, "first": 1, "last": 1}})
                    super().commit([Change(documents=(other,))])
                return found

        store, strays = Raced(":memory:"), Strays(quiet_log())
        strays.count("name", T0)
        strays.flush(store)
        strays.flush(store)
        assert set(store.document("strays").value) == {"a", "name"}
        store.close()

    def test_so_many_strays_are_looked_at_and_no_more(self):
        log = quiet_log()
        strays = Strays(log)
        strays.learn(["name"])
        assert [strays.count(f"nam{i}", T0) for i in range(STRAYS_MAX + 5)] == ["name"] * STRAYS_MAX + [""] * 5
        assert log.counts[Happened.STRAY] == STRAYS_MAX
        assert strays.count("nam0", T0) == "name"
        strays.learn(["name"])
        assert strays.count("nam-x", T0) == "name"


class TestLately:
    def test_what_was_not_asked_for_the_longest_time_goes_first(self):
        lately = Lately(3)
        for name in "abc":
            lately.keep(name, name.upper())
        assert lately.get("a") == "A"
        lately.keep("d", "D")
        assert [lately.get(name) for name in "abcd"] == ["A", None, "C", "D"]
        lately.keep("c", "other")
        assert (lately.get("c"), len(lately)) == ("other", 3)

    def test_a_long_key_is_not_kept(self):
        lately = Lately(3)
        lately.keep("x" * (LENGTH_MAX + 1), 1)
        lately.keep("x" * LENGTH_MAX, 1)
        assert len(lately) == 1


class TestGate:
    def test_strangers_fill_nothing(self, monkeypatch):
        monkeypatch.setattr("heartbeat.doors.http.ping_gate.TARGETS_MAX", 10)
        gate = Gate(["k"], lambda: T0)
        for i in range(100):
            gate.read(b"/ping/00000000-0000-0000-0000-%012d" % i, b"", b"", b"")
            gate.read(b"/ping/00000000-0000-0000-0000-000000000001/" + b"0" * (1000 + i), b"", b"", b"")
            gate.read(b"/ping/wrong/job-%d" % i, b"", b"", b"")
            assert gate.read(b"/ping/k/job", b"", b"", b"").signal.slug == "job"
        kept = list(gate._targets._kept)
        assert len(kept) == 10
        assert kept[-1] == b"/ping/k/job"
        assert max(map(len, kept)) < 60


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


class TestTelemetry:
    def test_every_event_has_words(self):
        assert set(WORDS) == set(Happened)

    @pytest.mark.parametrize("style", ["text", "json"])
    def test_one_line_whatever_is_in_it(self, style):
        out = io.StringIO()
        log = Log(lambda: 1_795_350_000.25, style, out)
        log.tell(Happened.STRAY, job='a\nb"\x1b[31m', nearest=None, count=3)
        assert out.getvalue().count("\n") == 1
        assert "\x1b" not in out.getvalue()
        assert out.getvalue().startswith(("2026-11-22T12:20:00.250Z", '{"time": "2026-11-22T12:20:00.250Z"'))
        if style == "json":
            assert json.loads(out.getvalue())["job"] == 'a\\nb"\\x1b[31m'


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
