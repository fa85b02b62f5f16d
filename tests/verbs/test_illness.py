"""The service's own illnesses: told once when they begin, once when they are over, and shown in between."""

from threading import Barrier, Thread

import pytest

from heartbeat.channels.body import severity
from heartbeat.doors.api.app import Api, ApiRequest
from heartbeat.errors import StoreCorrupt
from heartbeat.model import MINUTE, NEVER, Event
from heartbeat.store.sqlite.store import SQLiteStore
from heartbeat.text.alert_text import compose
from heartbeat.verbs.deliver import UNREADABLE, deliver
from heartbeat.verbs.illness import FADES, fall_ill, get_well, illnesses, review
from heartbeat.verbs.sweep import sweep

T0 = 1_795_350_000_000


def told(store):
    waiting = sorted(store.outbox(NEVER - 1, 100), key=lambda row: row.created_at)
    return [(row.channel, str(row.alert.event), row.alert.text) for row in waiting]


def test_it_is_told_once_and_once_that_it_is_over():
    store = SQLiteStore(":memory:")
    for minute in range(3):
        fall_ill(store, "jobs-file", "jobs.yaml cannot be read", T0 + minute * MINUTE, ("ops", "pager"))
    (ill,) = illnesses(store)
    assert (ill.name, ill.since, ill.last, ill.count) == ("jobs-file", T0, T0 + 2 * MINUTE, 3)
    for _ in range(2):
        get_well(store, "jobs-file", T0 + 5 * MINUTE, ("ops", "pager"))
    assert illnesses(store) == ()
    text = "jobs.yaml cannot be read"
    assert told(store) == [(c, event, text) for event in ("ill", "well") for c in ("ops", "pager")]


def test_what_goes_on_is_written_down_once_a_minute():
    store = SQLiteStore(":memory:")
    for second in range(0, 130, 10):
        fall_ill(store, "a", "b", T0 + second * 1000, ())
    assert illnesses(store)[0].count == 3
    assert store.document("illnesses").version == 3


def test_it_comes_back_as_another_incident():
    store = SQLiteStore(":memory:")
    for at in (T0, T0 + 10 * MINUTE):
        fall_ill(store, "a", "b", at, ("ops",))
        get_well(store, "a", at + MINUTE, ("ops",))
    rows = store.outbox(NEVER - 1, 100)
    assert len({row.id for row in rows}) == 4
    assert len({row.alert.incident for row in rows}) == 2


def test_two_at_once_tell_it_once(tmp_path):
    stores = [SQLiteStore(tmp_path / "db") for _ in range(4)]
    gate = Barrier(4)

    def work(store):
        gate.wait()
        fall_ill(store, "a", "b", T0, ("ops",))

    threads = [Thread(target=work, args=(store,)) for store in stores]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert told(stores[0]) == [("ops", "ill", "b")]
    for store in stores:
        store.close()


def test_the_words():
    store = SQLiteStore(":memory:")
    fall_ill(store, "a", "jobs.yaml cannot be read (line 3)", T0, ("ops",))
    get_well(store, "a", T0 + 5 * MINUTE, ("ops",))
    ill, well = (row.alert for row in sorted(store.outbox(NEVER - 1, 9), key=lambda row: row.created_at))
    assert (ill.event, severity(ill), well.event, severity(well)) == (Event.ILL, "critical", Event.WELL, "info")
    assert compose([ill], T0).headline == "ILL Heartbeat: jobs.yaml cannot be read (line 3)"
    assert compose([well], T0).headline == "WELL AGAIN Heartbeat: after 5 min; jobs.yaml cannot be read (line 3)"


def test_health_over_http_is_503_with_the_reason():
    store = SQLiteStore(":memory:")
    api = Api(store, lambda: T0)
    sweep(store, T0)
    assert api.answer(ApiRequest(method="GET", path="/healthz")).status == 200
    fall_ill(store, "jobs-file", "it cannot be read", T0, ())
    answer = api.answer(ApiRequest(method="GET", path="/healthz"))
    assert (answer.status, answer.value["illnesses"]) == (503, {"jobs-file": "it cannot be read"})


def test_a_delivery_that_cannot_be_read_is_seen_though_nobody_can_be_told():
    store = SQLiteStore(":memory:")
    fall_ill(store, "a", "b", T0, ("ops",))
    with store._file.writing() as db:
        db.execute("UPDATE deliveries SET delivery = '[2,\"from a newer version\"]'")
    for _ in range(2):
        with pytest.raises(StoreCorrupt):
            deliver(store, {}, lambda: T0 + MINUTE)
    (ill,) = (each for each in illnesses(store) if each.name == UNREADABLE)
    assert ill.text.startswith("no alert can be sent, for one cannot be read: deliveries")
    assert "a newer version wrote it" in ill.text
    answer = Api(store, lambda: T0 + MINUTE).answer(ApiRequest(method="GET", path="/healthz"))
    assert (answer.status, UNREADABLE in answer.value["illnesses"]) == (503, True)
    later = T0 + MINUTE + FADES + 1  # mended meanwhile, or it would have been noticed again
    assert UNREADABLE not in {each.name for each in review(store, later, ())}
