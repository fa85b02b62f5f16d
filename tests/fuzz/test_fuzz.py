"""Odd requests at every route, over real sockets and as Lambda's events: documented answers, and no record too many.

FUZZ_REQUESTS says how many (`make soak` sends more).
"""

import base64
import contextlib
import os
import re
import socket
from dataclasses import replace
from urllib.parse import parse_qsl

import pytest
from fuzz import noise
from fuzz.ledger import Ledger, Page, documented
from fuzz.routes import Names, managing, samples
from served import KEY, Served

from heartbeat.config.declared import compiled
from heartbeat.config.reader import read
from heartbeat.core.definition import by_ping, founding
from heartbeat.doors.api.app import Api, ApiRequest
from heartbeat.doors.lambdas import function_url
from heartbeat.doors.lambdas.journal import Journal
from heartbeat.doors.lambdas.ping_work import Pings
from heartbeat.store.sqlite.store import SQLiteStore
from heartbeat.verbs import api_keys
from heartbeat.verbs.sweep import sweep

COUNT = int(os.environ.get("FUZZ_REQUESTS", "4000"))
SLUGS = ("alpha-job", "beta-job", "gamma-job")
JOBS = "defaults: {timezone: UTC}\njobs:\n" + "".join(f"  {slug}: {{schedule: every 1h}}\n" for slug in SLUGS)
STATUS = re.compile(rb"^HTTP/1\.1 (\d{3}) ", re.MULTILINE)
NOW = 1_795_350_000_000


def names_in(store):
    loaded = store.load(list(SLUGS))
    return Names(key=KEY, slugs=SLUGS, uuids=tuple(loaded[slug].uuid for slug in SLUGS), manager="")


class World:
    """A server, the store that it writes, and good requests to it."""

    def __init__(self, server, store):
        self.server, self.store = server, store
        self.names = names_in(store)
        self.good = samples(self.names)
        self.ledger = Ledger(store, self.names)

    def answers(self, raw, patience=20.0):
        """The statuses of all answers to these bytes, in their order; 100 is none."""
        said = b""
        with socket.create_connection(("127.0.0.1", self.server.port), patience) as wire:
            with contextlib.suppress(OSError):  # it may hang up before all is sent, and that is an answer too
                wire.sendall(raw)
            with contextlib.suppress(OSError):
                while more := wire.recv(65_536):
                    said += more
        return [int(found) for found in STATUS.findall(said) if found != b"100"]


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    with Served(tmp_path_factory.mktemp("fuzz"), jobs=JOBS) as server:
        with contextlib.closing(SQLiteStore(server.db)) as store:
            yield World(server, store)
        assert server.stop() == 0
        assert "unexpected error" not in server.log


def test_every_sample_is_good(world):
    """Else the noise would begin from requests that are refused anyway."""
    for sample in world.good:
        statuses = world.answers(noise.closing(sample).wire())
        assert len(statuses) == 1, sample.target
        assert statuses[0] // 100 == 2, sample.target
        assert world.ledger.wrong(sample.wire(), statuses) == []


def test_odd_requests_get_documented_answers_and_record_nothing_that_they_may_not(world):
    taken, wrong = 0, []
    for seed in range(COUNT):
        asked = noise.request(seed, world.names, world.good)
        raw = noise.closing(asked).wire()
        statuses = world.answers(raw)
        problems = world.ledger.wrong(raw, statuses)
        if len(statuses) != 1 or not documented(asked.first, statuses[0]):
            problems.append(f"answered {statuses}")
        if problems:
            wrong.append((seed, asked.target[:80], problems))
        taken += statuses[:1] in ([200], [201], [202])
    assert wrong == []
    assert COUNT // 10 < taken < COUNT * 9 // 10, "the noise is neither all good nor all bad"


def test_bytes_that_are_no_request_hurt_nobody(world):
    before = world.ledger.read()
    statuses = []
    for seed in range(COUNT // 10):
        statuses += world.answers(noise.garbage(seed, world.names, world.good), patience=0.05)
    assert [status for status in statuses if status >= 500] == []
    assert 400 in statuses
    assert set(world.ledger.read().jobs) - set(before.jobs) <= {"made-by-ping", "made-by-sentry", "made-too"}
    assert world.answers(noise.closing(world.good[0]).wire()) == [200]
    world.ledger.page = world.ledger.read()


@pytest.mark.parametrize(
    ("later", "said"),
    [
        ({"signals": {"alpha-job": 1}}, b"GET /ping/KEY/beta-job"),
        ({"signals": {"alpha-job": 2}}, b"GET /ping/KEY/alpha-job"),
        ({"jobs": {"made"}}, b"GET /ping/KEY/made"),
        ({"gone": {"alpha-job"}}, b"GET /ping/KEY/alpha-job"),
    ],
)
def test_the_ledger_sees_what_may_not_be(world, later, said):
    ledger = Ledger(world.store, world.names)
    page = ledger.page
    now = Page(
        {slug: count + later.get("signals", {}).get(slug, 0) for slug, count in page.signals.items()},
        frozenset(page.jobs - later.get("gone", set()) | later.get("jobs", set())),
    )
    ledger.read = lambda: now
    assert len(ledger.wrong(said.replace(b"KEY", KEY.encode()), [200])) == 1


def test_the_same_by_function_url(tmp_path):
    """In the stack: whatever an event holds, an answer and no crash."""
    store = SQLiteStore(":memory:")
    store.commit([founding(by_ping(slug), NOW) for slug in SLUGS])
    (tmp_path / "jobs.json").write_bytes(compiled(read("jobs: {}\n")))
    pings = Pings(store, [KEY], tmp_path / "jobs.json", Journal("fuzz", lambda: NOW / 1000), lambda: NOW)
    names = names_in(store)
    good, ledger, wrong = samples(names), Ledger(store, names), []
    for seed in range(COUNT):
        asked = noise.request(seed, names, good)
        answer = pings.answer(event(asked))
        problems = ledger.wrong(asked.wire(), [answer["statusCode"]])
        if not documented(asked.first, answer["statusCode"]) and asked.first not in {"", "healthz"}:
            problems.append(f"answered {answer['statusCode']}")
        if problems:
            wrong.append((seed, asked.target[:80], problems))
    assert wrong == []


def event(asked):
    path = asked.path.partition(b"#")[0].partition(b"?")[0]
    return {
        "version": "2.0",
        "rawPath": path.decode("latin-1"),
        "rawQueryString": asked.query.decode("latin-1"),
        "headers": {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in asked.headers},
        "requestContext": {"http": {"method": asked.method}},
        "body": base64.b64encode(asked.body).decode(),
        "isBase64Encoded": True,
    }


def test_the_management_api():
    """Odd requests to it: a documented answer, no signal recorded, no job made or lost, nothing without its key."""
    store = SQLiteStore(":memory:")
    store.commit([founding(by_ping(slug), NOW) for slug in SLUGS])
    token = api_keys.add(store, "me", api_keys.Rights.WRITE, NOW)
    sweep(store, NOW)
    names = replace(names_in(store), manager=token)
    api, ledger, wrong, taken = Api(store, lambda: NOW), Ledger(store, names), [], 0
    for good in managing(names):
        assert ask(api, good).status in {200, 201, 204}, good.target
    before = ledger.read()
    for seed in range(COUNT):
        asked = noise.request(seed, names, managing(names))
        status = ask(api, asked).status
        taken += status // 100 == 2
        may = token.encode() in asked.wire() or asked.first == "healthz"
        if not documented(asked.first, status) or (status // 100 == 2 and not may):
            wrong.append((seed, asked.method, asked.target[:80], status))
    assert wrong == []
    assert ledger.read() == before
    assert COUNT // 10 < taken < COUNT * 9 // 10


def ask(api, asked):
    """As the web function asks it."""
    request = function_url.read(event(asked))
    query = dict(parse_qsl(request.query, keep_blank_values=True))
    return api.answer(
        ApiRequest(method=request.method, path=request.path, query=query, headers=request.headers, body=request.body)
    )
