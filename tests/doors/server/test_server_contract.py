"""The ping API, row by row: what clients made for Healthchecks rely on, and what we add."""

import contextlib
import re
import time
import uuid

import pytest
from served import KEY, Served, Wire

from heartbeat.model import Kind
from heartbeat.store.sqlite.store import SQLiteStore

RID = "0b9d1f0e-7c5e-4a52-8d5b-6f1f6f0e8a11"


@pytest.fixture
def job(shared):
    """A fresh job on the shared server."""
    slug = f"job-{uuid.uuid4().hex[:12]}"
    assert shared.ping(f"{slug}/log?create=1").said == (201, "Created")
    return slug


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE"])
def test_every_method_is_a_ping(shared, job, method):
    assert shared.ping(job, method).said == (200, "OK")
    assert shared.history(job)[0].kind is Kind.SUCCESS


@pytest.mark.parametrize("address", ["//ping/{key}/{job}", "/ping/{key}/{job}/", "//ping/{key}/{job}/fail/"])
def test_a_slash_too_many_is_the_same_address(shared, job, address):
    assert shared.ask("GET", address.format(key=KEY, job=job)).said == (200, "OK")
    assert [signal.kind for signal in shared.history(job)] == [
        Kind.FAIL if "fail" in address else Kind.SUCCESS,
        Kind.LOG,
    ]


def test_options_is_no_ping(shared, job):
    """A browser asks whether it may, before each ping with a header of its own."""
    assert shared.ping(job, "OPTIONS").said == (200, "")
    assert [signal.kind for signal in shared.history(job)] == [Kind.LOG]


def test_head_is_a_ping_without_a_body(shared, job):
    with Wire(shared) as wire:
        wire.ping(job, method="HEAD")
        answer = wire.answer(head=True)
        wire.ping(job)
        assert wire.answer().said == (200, "OK")
    assert (answer.status, answer.headers["content-length"]) == (200, "2")
    assert len(shared.history(job)) == 3


@pytest.mark.parametrize(
    ("step", "kind", "exit_status"),
    [
        ("", Kind.SUCCESS, None),
        ("/start", Kind.START, None),
        ("/fail", Kind.FAIL, None),
        ("/log", Kind.LOG, None),
        ("/0", Kind.SUCCESS, 0),
        ("/00", Kind.SUCCESS, 0),
        ("/01", Kind.FAIL, 1),
        ("/255", Kind.FAIL, 255),
    ],
)
def test_steps(shared, job, step, kind, exit_status):
    assert shared.ping(job + step, "POST", b"what it said").said == (200, "OK")
    signal = shared.history(job)[0]
    assert (signal.kind, signal.exit_status, signal.body) == (kind, exit_status, "what it said")


def test_an_answer_carries_the_headers_of_the_contract(shared, job):
    headers = shared.ping(job).headers
    assert headers["content-type"] == "text/plain; charset=utf-8"
    assert headers["ping-body-limit"] == "10000"
    assert headers["access-control-allow-origin"] == "*"
    assert headers["cache-control"] == "max-age=0, no-cache, no-store, must-revalidate, private"
    assert headers["x-content-type-options"] == "nosniff"
    assert re.fullmatch(r"\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT", headers["date"])
    assert "server" not in headers


@pytest.mark.parametrize("tail", ["", "/", "/start", "/fail", "/log", "/0", "/7"])
def test_by_uuid(shared, job, tail):
    found = uuid_of(shared, job)
    assert shared.ask("GET", f"/ping/{found}{tail}").said == (200, "OK")
    assert len(shared.history(job)) == 2


@pytest.mark.parametrize(
    ("path", "said"),
    [
        (f"/ping/{KEY}/nowhere-at-all", (404, "not found")),
        ("/ping/wrong-key/daily-report", (404, "not found")),
        (f"/ping/{KEY}x/daily-report", (404, "not found")),
        (f"/ping/{KEY[:-1]}/daily-report", (404, "not found")),
        ("/ping/wrong-key/daily-report?create=1", (404, "not found")),
        (f"/ping/{uuid.UUID(int=7)}", (404, "not found")),
        (f"/ping/{uuid.UUID(int=7)}?create=1", (404, "not found")),
        (f"/ping/{uuid.UUID(int=7)}/bogus", (404, "not found")),
        (f"/ping/{uuid.UUID(int=7)}/-1", (404, "not found")),
        (f"/ping/{uuid.UUID(int=7)}/START", (400, "invalid url format")),
        (f"/ping/{str(uuid.UUID(int=2**127)).upper().replace('8', 'A')}", (404, "not found")),
        (f"/ping/{uuid.UUID(int=7).hex}", (404, "not found")),
        (f"/ping/{KEY}/daily-report/256", (400, "invalid url format")),
        (f"/ping/{KEY}/daily-report/" + "9" * 5000, (400, "invalid url format")),
        (f"/ping/{KEY}/Daily-Report", (400, "invalid url format")),
        ("/ping/wrong-key/Daily-Report", (400, "invalid url format")),
        (f"/ping/{KEY}/daily-report/+1", (404, "not found")),
        (f"/ping/{KEY}/daily-report/1.0", (404, "not found")),
        (f"/ping/{KEY}/a.b", (404, "not found")),
        (f"/ping/{KEY}/a%20b", (404, "not found")),
        (f"/ping/{KEY}/{'a' * 101}?create=1", (404, "not found")),
        (f"/ping/{KEY}", (404, "not found")),
        ("/ping/", (404, "not found")),
        ("/ping", (404, "not found")),
        ("/nothing", (404, "not found")),
    ],
)
def test_refusals(shared, path, said):
    assert shared.ask("GET", path).said == said


@pytest.mark.parametrize("rid", ["", "x", RID.replace("-", ""), f"{{{RID}}}", RID + "0"])
def test_a_bad_run_id_records_and_makes_nothing(shared, job, rid):
    assert shared.ping(f"{job}?rid={rid}").said == (400, "invalid uuid format")
    assert shared.ping(f"{job}-new?create=1&rid={rid}").said == (400, "invalid uuid format")
    assert shared.ping(f"{job}-new/256?create=1").said == (400, "invalid url format")
    assert len(shared.history(job)) == 1
    assert shared.ping(f"{job}-new").said == (404, "not found")


def test_the_last_run_id_wins_and_its_case_does_not_matter(shared, job):
    assert shared.ping(f"{job}/start?rid=nonsense&rid={RID.upper()}").said == (200, "OK")
    assert shared.history(job)[0].run_id == RID


def test_options(shared, job):
    at = time.time() - 90
    query = f"for=2026-11-22T09%3A00&duration=1.5&at={at:.3f}&metric=rows:12&metric=mb:0.5&metric=bad&unknown=1"
    assert shared.ping(f"{job}?{query}").said == (200, "OK")
    signal = shared.history(job)[0]
    assert signal.named == "2026-11-22T09:00"
    assert signal.duration == 1500
    assert abs(signal.at - at * 1000) < 2
    assert signal.metrics == (("rows", 12.0), ("mb", 0.5))


@pytest.mark.parametrize("at", ["", "yesterday", "-5", "nan", "1e400", "99999999999999", "2026-11-22T09:00", "%00"])
def test_an_instant_that_cannot_be_still_counts_as_now(shared, job, at):
    assert shared.ping(f"{job}?at={at}").said == (200, "OK")
    signal = shared.history(job)[0]
    assert signal.at == signal.received


def test_create(shared):
    slug = f"new-{uuid.uuid4().hex}"
    assert shared.ping(f"{slug}?create=0").said == (404, "not found")
    assert shared.ping(f"{slug}?create=true").said == (404, "not found")
    assert shared.ping(f"{slug}/fail?create=1", "POST", b"boom").said == (201, "Created")
    assert shared.ping(f"{slug}?create=1").said == (200, "OK")
    assert [signal.kind for signal in shared.history(slug)] == [Kind.SUCCESS, Kind.FAIL]


def test_an_unknown_name_gets_the_nearest_one_if_the_key_is_right(shared):
    assert shared.ping("dayly-report").headers["heartbeat-hint"] == "did you mean daily-report?"
    assert "heartbeat-hint" not in shared.ask("GET", "/ping/wrong-key/dayly-report").headers
    assert "heartbeat-hint" not in shared.ping("quite-different-thing").headers


def test_strays_are_counted(shared):
    slug = f"stray-{uuid.uuid4().hex}"
    for _ in range(3):
        shared.ping(slug)
    found = {}
    for _ in range(60):
        found = (shared.document("strays") or {}).get(slug, {})
        if found.get("count") == 3:
            break
        time.sleep(0.1)
    assert found["count"] == 3
    assert found["first"] <= found["last"]


def test_percent_encoding(shared, job):
    assert shared.ask("GET", f"/ping/{KEY}/{job.replace('-', '%2D')}/%73tart").said == (200, "OK")
    assert shared.ask("GET", f"/ping/{KEY}%2F{job}").said == (200, "OK")
    assert [signal.kind for signal in shared.history(job)][:2] == [Kind.SUCCESS, Kind.START]


def test_a_doubled_signal_is_recorded_once(shared, job):
    for _ in range(2):
        assert shared.ping(job, "POST", b"x", Heartbeat_Id="0123456789abcdef").said == (200, "OK")
    assert len(shared.history(job)) == 2


@pytest.mark.parametrize("ident", ["x" * 65, "a b", "<script>", "\xe9"])
def test_an_odd_signal_id_is_left_out(shared, job, ident):
    assert shared.ping(job, Heartbeat_Id=ident).said == (200, "OK")
    assert shared.history(job)[0].id == ""


def test_a_body_is_cut_and_never_refused_for_its_bytes(shared, job):
    assert shared.ping(job, "POST", b"\xff\x00" + b"a" * 20_000).said == (200, "OK")
    assert shared.history(job)[0].body == "\N{REPLACEMENT CHARACTER}\x00" + "a" * 9_998
    assert shared.ping(job, "POST", ("a" * 9_999 + "é").encode()).said == (200, "OK")
    assert shared.history(job)[0].body == "a" * 9_999 + "\N{REPLACEMENT CHARACTER}"


def test_a_get_body_is_kept(shared, job):
    assert shared.ping(job, "GET", "né".encode()).said == (200, "OK")
    assert shared.history(job)[0].body == "né"


def test_health_and_home(shared):
    health = shared.ask("GET", "/healthz")
    assert health.status == 200
    assert health.headers["content-type"] == "application/json"
    assert b'"ok": true' in health.body
    assert b"/healthz" in shared.ask("GET", "/").body
    assert KEY.encode() not in shared.ask("GET", "/").body


def test_several_keys(serve, door):
    with serve(HEARTBEAT_DOOR=door, HEARTBEAT_PING_KEY="first-key-1, second-key-2") as server:
        assert server.ask("GET", "/ping/first-key-1/backup").status == 200
        assert server.ask("GET", "/ping/second-key-2/backup").status == 200
        assert server.ask("GET", "/ping/first-key-1, second-key-2/backup".replace(" ", "%20")).status == 404


def test_the_log_holds_no_key(shared):
    shared.ping("who-is-this")
    assert KEY not in shared.log
    assert KEY not in shared.said


def uuid_of(server: Served, slug: str) -> str:
    with contextlib.closing(SQLiteStore(server.db)) as store:
        return store.load([slug])[slug].uuid
