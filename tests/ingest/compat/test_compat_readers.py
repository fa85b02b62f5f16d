"""What the clients of other services say, read: pure."""

import pytest
from asking import NOW, read, request

from heartbeat.ingest.compat import SERVICES, alertmanager, betterstack, cronitor, kuma, opsgenie, snitch
from heartbeat.ingest.compat.request import slug_of
from heartbeat.ingest.ping import Refusal

UUID = "0b7c9d6e-5a2f-4e9b-8f5d-1f6e2a7c4b10"
FIRING = {"status": "firing", "labels": {"alertname": "Watchdog", "cluster": "eu", "severity": "none"}}
RESOLVED = FIRING | {"status": "resolved"}


def one(told):
    """The key, and the only ping."""
    (ping,) = told.pings
    return told.key, ping


def fact(told):
    """Slug, kind, exit status and body of the only ping."""
    signal = one(told)[1].signal
    return signal.slug, str(signal.kind), signal.exit_status, signal.body


@pytest.mark.parametrize(
    ("name", "environment", "slug"),
    [
        ("nightly", "", "nightly"),
        ("Nightly Backup!", "", "nightly-backup"),
        ("nightly", "production", "nightly"),
        ("nightly", "Production", "nightly"),
        ("nightly", "staging", "nightly-staging"),
        ("日次", "", ""),
        ("a/b.c", "", "a-b-c"),
        ("x" * 200, "", "x" * 100),
        ("a_b-c", "none", "a_b-c"),
    ],
)
def test_a_name_becomes_a_slug(name, environment, slug):
    assert slug_of(name, environment) == slug


@pytest.mark.parametrize("service", [cronitor, snitch])
def test_a_token_is_a_uuid_or_a_key_with_a_name(service):
    key, ping = one(read(service, request(f"/{UUID.upper()}")))
    assert (key, ping.uuid, ping.signal.slug) == (None, UUID, "")
    key, ping = one(read(service, request("/a.key.Nightly")))
    assert (key, ping.uuid, ping.signal.slug) == ("a.key", "", "nightly")


@pytest.mark.parametrize("token", ["nightly", ".nightly", "key.", "key.日", UUID[:-1]])
def test_what_is_no_token_is_not_found(token):
    assert read(snitch, request(f"/{token}")) == Refusal(status=404, text="not found")


@pytest.mark.parametrize("name", sorted(SERVICES))
@pytest.mark.parametrize("path", ["", "/", "/a/b/c/d/e/f/g", "/api", "/api/push"])
def test_every_service_has_its_own_not_found(name, path):
    module = __import__(f"heartbeat.ingest.compat.{name}", fromlist=["read"])
    told = read(module, request(path))
    assert isinstance(told, Refusal)
    assert told.status == 404
    assert module.refused(404, "not found").status == 404


class TestKuma:
    @pytest.mark.parametrize(
        ("query", "kind", "body"),
        [
            ({}, "success", ""),
            ({"status": "up", "msg": "OK"}, "success", "OK"),
            ({"status": "down", "msg": "no disk"}, "fail", "no disk"),
            ({"status": "UP"}, "fail", ""),
            ({"status": ""}, "success", ""),
        ],
    )
    def test_what_is_not_up_is_down(self, query, kind, body):
        assert fact(read(kuma, request("/api/push/k.j", **query))) == ("j", kind, None, body)

    @pytest.mark.parametrize(
        ("ping", "metrics"), [("12.5", (("ping", 12.5),)), ("", ()), ("-1", ()), ("1e12", ()), ("nan", ()), ("x", ())]
    )
    def test_the_response_time_is_a_metric(self, ping, metrics):
        assert one(read(kuma, request("/api/push/k.j", ping=ping)))[1].signal.metrics == metrics

    def test_its_refusals_carry_a_msg(self):
        assert kuma.refused(404, "not found").text == '{"ok": false, "msg": "Monitor not found or not active."}'
        assert kuma.refused(503, "busy").text == '{"ok": false, "msg": "busy"}'


class TestSnitch:
    @pytest.mark.parametrize(
        ("query", "kind", "status"),
        [
            ({}, "success", None),
            ({"s": ""}, "success", None),
            ({"s": "0"}, "success", 0),
            ({"s": "7"}, "fail", 7),
            ({"s": "999"}, "fail", None),
            ({"s": "SIGKILL"}, "fail", None),
            ({"s": "٣"}, "fail", None),
        ],
    )
    def test_an_exit_status(self, query, kind, status):
        assert fact(read(snitch, request("/k.j", m="3 rows", **query))) == ("j", kind, status, "3 rows")

    def test_a_body_stands_in_for_a_message(self):
        assert fact(read(snitch, request("/k.j", body=b"3 rows")))[3] == "3 rows"


class TestBetterStack:
    @pytest.mark.parametrize(
        ("rest", "kind", "status"),
        [
            ("", "success", None),
            ("/fail", "fail", None),
            ("/0", "success", 0),
            ("/7", "fail", 7),
            ("/255", "fail", 255),
        ],
    )
    def test_what_happened(self, rest, kind, status):
        told = read(betterstack, request(f"/api/v1/heartbeat/k.j{rest}", body=b"no disk"))
        assert fact(told) == ("j", kind, status, "no disk")

    @pytest.mark.parametrize("step", ["256", "start", "-1"])
    def test_what_is_neither_is_refused_in_words(self, step):
        told = read(betterstack, request(f"/api/v1/heartbeat/k.j/{step}"))
        assert told == Refusal(status=400, text=f"'{step}' is neither fail nor an exit status from 0 to 255")


class TestOpsgenie:
    def test_a_ping(self):
        told = read(opsgenie, request("/v2/heartbeats/Nightly/ping", headers={"authorization": "GenieKey k3y"}))
        assert told.key == "k3y"
        assert fact(told) == ("nightly", "success", None, "")

    @pytest.mark.parametrize("header", ["", "Basic k3y", "GenieKey", "GenieKey "])
    def test_without_its_key_it_is_not_the_right_one(self, header):
        told = read(opsgenie, request("/v2/heartbeats/nightly/ping", headers={"authorization": header}))
        assert isinstance(told, Refusal) or told.key != "k3y"


class TestCronitor:
    @pytest.mark.parametrize("path", ["/p/k/j", "/ping/k/j", "/k.j"])
    @pytest.mark.parametrize(
        ("state", "kind"),
        [
            ("run", "start"),
            ("complete", "success"),
            ("fail", "fail"),
            ("ok", "success"),
            ("tick", "success"),
            ("", "success"),
        ],
    )
    def test_its_states(self, path, state, kind):
        assert fact(read(cronitor, request(path, state=state)))[:2] == ("j", kind)

    def test_the_state_may_stand_in_the_path(self):
        assert fact(read(cronitor, request("/k.j/fail", msg="no disk"))) == ("j", "fail", None, "no disk")

    def test_a_state_that_is_none_is_refused_in_words(self):
        told = read(cronitor, request("/p/k/j", state="done"))
        assert told == Refusal(status=400, text="state 'done' is none of run, complete, ok, tick, fail")

    def test_everything_at_once(self):
        told = read(
            cronitor,
            request(
                "/p/k/Nightly",
                state="complete",
                series="1795340585.07",
                message="3 rows",
                metric=["duration:1.25", "count:5", "bad", "error_count:x"],
                status_code="3",
                stamp="1795349999.5",
                env="staging",
            ),
        )
        signal = one(told)[1].signal
        assert fact(told) == ("nightly-staging", "success", 3, "3 rows")
        assert (signal.duration, signal.metrics, signal.at) == (1_250, (("count", 5.0),), 1_795_349_999_500)
        assert len(signal.run_id) == 36

    def test_a_series_is_one_run_of_its_job(self):
        ids = {
            one(read(cronitor, request(f"/p/k/{name}", state=state, series=series)))[1].signal.run_id
            for name, state, series in [("j", "run", "1"), ("j", "complete", "1"), ("j", "run", "2"), ("i", "run", "1")]
        }
        assert len(ids) == 3
        assert one(read(cronitor, request("/p/k/j", state="run")))[1].signal.run_id == ""

    @pytest.mark.parametrize("stamp", ["", "soon", "-1", "nan", "9999999999", "1e308"])
    def test_a_time_that_cannot_be_is_now(self, stamp):
        assert one(read(cronitor, request("/p/k/j", stamp=stamp)))[1].signal.at == NOW


class TestAlertmanager:
    @pytest.mark.parametrize(
        ("alerts", "kind"),
        [([FIRING], "success"), ([RESOLVED], "fail"), ([RESOLVED, FIRING], "success"), ([{"labels": {}}], "fail")],
    )
    def test_firing_is_alive(self, alerts, kind):
        assert fact(read(alertmanager, request("/k.j", body={"alerts": alerts})))[1] == kind

    def test_the_body_says_which(self):
        told = read(alertmanager, request("/k.j", body={"alerts": [FIRING, RESOLVED]}))
        assert fact(told)[3] == (
            "Watchdog is firing (cluster=eu, severity=none)\nWatchdog is resolved (cluster=eu, severity=none)"
        )

    def test_an_alert_without_the_labels_asked_for_says_nothing(self):
        body = {"alerts": [FIRING]}
        assert fact(read(alertmanager, request("/k.j", body=body, cluster="eu")))[1] == "success"
        told = read(alertmanager, request("/k.j", body=body, cluster="us"))
        assert (told.key, told.pings) == ("k", ())
        other = RESOLVED | {"labels": {"cluster": "us"}}
        assert fact(read(alertmanager, request("/k.j", body={"alerts": [FIRING, other]}, cluster="us")))[1] == "fail"

    @pytest.mark.parametrize(
        "body",
        [b"", b"{", b"[]", b"{}", b"1", b'{"alerts": 1}', b'{"alerts": [1]}', b'{"alerts": [{}]}', b"[" * 99_999],
    )
    def test_what_is_no_webhook_is_refused_in_words(self, body):
        told = read(alertmanager, request("/k.j", body=body))
        assert told.status == 400
        assert "give it JSON with alerts and labels" in told.text
