"""Who asks for some jobs reads no others: SQLite's steps are counted."""

import pytest
from msgspec.structs import replace
from store_samples import T0, job, state, uuid

from heartbeat.config import read
from heartbeat.model import Change, Job, Trigger
from heartbeat.store.sqlite.store import SQLiteStore
from heartbeat.verbs.apply import apply, plan_for

FILE = read(
    "defaults: {timezone: UTC}\njobs:\n  mine: {schedule: 0 9 * * *}\n  too: {schedule: 0 9 * * *}\n", name="us"
)


def store_of(others):
    """Two jobs that we start, two that our file declares, and so many others."""
    store = SQLiteStore(":memory:")
    jobs = [job(f"other-{n:04}", source="them") for n in range(others)]
    jobs += [job(name, trigger=Trigger(kind="http", settings={"url": "x"})) for name in ("one", "two")]
    store.commit([Change(slug=j.slug, job=j, state=state(), uuid=uuid(n), due=T0) for n, j in enumerate(jobs)])
    apply(store, FILE, T0)
    return store


def steps(store, ask):
    """How many tens of steps SQLite takes for it."""
    count = [0]
    with store._file.reading() as db:
        db.set_progress_handler(lambda: count.__setitem__(0, count[0] + 1), 10)
    ask(store)
    with store._file.reading() as db:
        db.set_progress_handler(None, 0)
    return count[0]


ASKS = {
    "those that we start": lambda store: store.triggered(),
    "whether any was defined anew": lambda store: store.defined,
    "what a file would change": lambda store: plan_for(store, FILE),
}


@pytest.mark.parametrize("ask", ASKS)
def test_it_costs_the_same_among_many_others(ask):
    few, many = store_of(20), store_of(2_000)
    assert steps(many, ASKS[ask]) <= steps(few, ASKS[ask]) + 3


def test_those_that_we_start_are_found_through_every_change():
    store = store_of(3)
    assert [found.job.slug for found in store.triggered()] == ["one", "two"]
    other = replace(store.load(["mine"])["mine"].job, trigger=Trigger(kind="sqs", settings={}))
    store.commit([Change(slug="mine", expected=1, job=other, state=state(2))])
    store.commit([Change(slug="one", expected=1, job=job("one"), state=state(2))])
    store.commit([Change(slug="two", expected=1, remove=True)])
    assert [found.job for found in store.triggered()] == [other]


def test_every_definition_is_counted_and_nothing_else():
    store, other = store_of(0), SQLiteStore(":memory:")
    assert (other.defined, other.count()) == (0, 0)
    before = store.defined
    store.commit([Change(slug="one", expected=1, state=state(2), due=T0)])
    store.commit([Change(slug="one", expected=1, job=job("one"), state=state(2))])
    assert (store.defined, store.count()) == (before, 4), "a ping, and a change that was refused"
    store.commit([Change(slug="one", expected=2, job=job("one"), state=state(3))])
    store.commit([Change(slug="one", expected=3, remove=True)])
    store.commit([Change(slug="new", job=job("new"), state=state(), uuid=uuid(9))])
    assert (store.defined, store.count()) == (before + 3, 4)


def test_the_indexes_look_where_the_fields_are():
    assert ("format", *Job.__struct_fields__)[20] == "source"
    assert ("format", *Job.__struct_fields__)[22] == "trigger"


def test_a_row_that_is_no_json_breaks_only_itself():
    store = store_of(1)
    with store._file.writing() as db:
        db.execute("UPDATE jobs SET definition = 'nonsense' WHERE slug = 'two'")
    assert [found.job.slug for found in store.triggered()] == ["one"]
    assert plan_for(store, FILE).empty
