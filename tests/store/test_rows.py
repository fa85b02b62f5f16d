import pytest
from msgspec.structs import fields, replace
from store_samples import T0, delivery, entry, job, state

from heartbeat.errors import StoreCorrupt
from heartbeat.model import (
    NEVER,
    Alert,
    Bound,
    Delivery,
    Entry,
    Event,
    Evidence,
    Incident,
    Job,
    Kind,
    Outcome,
    Overlap,
    Phase,
    Reason,
    Run,
    Signal,
    Span,
    Start,
    State,
    Status,
    Trigger,
    Verdict,
)
from heartbeat.store import rows

INCIDENT = Incident(id="i", opened_at=1, verdict=Verdict.FAILED, reason=Reason.EXIT_STATUS, slot=None, acked_by="me")
FULL = [
    (
        rows.JOB,
        Job(
            slug="s", schedule=("a", "b"), evidence=Evidence(key="k", bucket="b"), enabled=False, tags=("x",),
            bounds=(Bound(metric="m", low=1.5), Bound(metric="n", high=2.0)), source="jobs.yaml", max_runtime=5,
            trigger=Trigger(kind="ecs", settings={"command": ["a"], "environment": {"A": "1"}, "public_ip": True}),
            overlap=Overlap.QUEUE, at_least_once=True,
        ),
    ),
    (
        rows.STATE,
        State(
            version=9, born=1, cursor=2, status=Status.DOWN,
            ahead=(Span(first=1, last=2, since=3, until=4, good=True),),
            runs=(Run(id="r", slot=None, started_at=5), Run(id="q", slot=6, started_at=7, expired=True)),
            recent=(1, 2), seen=("a",), incident=INCIDENT, paused_until=NEVER, pause_reason="why", claimed_slot=6,
            starts=(Start(run_id="r", slot=None, phase=Phase.AGAIN, at=5, until=9, attempts=2, by="me", input="{}"),),
        ),
    ),
    (rows.ENTRY, entry(body="日本語", metrics=(("a", 1.0), ("b", -0.25)))),
    (rows.ENTRY, Entry(slug="s", n=1, slot=None, at=T0, remark="r")),
    (rows.ENTRY, Entry(slug="s", n=1, slot=None, at=T0, row=(Status.UP, Verdict.FAILED))),
    (rows.ENTRY, Entry(slug="s", n=1, slot=T0, at=T0, verdict=Verdict.FAILED, row=Status.UP)),
    (
        rows.DELIVERY,
        Delivery(
            id="d", channel="c", created_at=1, next_at=2, outcome=Outcome.DEAD, error="e",
            alert=Alert(id="a", event=Event.BLIND, at=1, verdict=Verdict.MISSED, jobs=("x", "y"), silent_all=True),
        ),
    ),
]  # fmt: skip


@pytest.mark.parametrize(("codec", "noun"), FULL)
def test_reads_what_it_wrote(codec, noun):
    assert codec.load(rows.dump(noun), "key") == noun


@pytest.mark.parametrize(("codec", "noun"), FULL)
def test_gives_back_the_same_types(codec, noun):
    """Equal is not enough: "up" == Status.UP."""
    assert repr(codec.load(rows.dump(noun), "key")) == repr(noun)


def test_writes_compact_rows():
    """What stands in people's files: a change here needs a new FORMAT, unless it only adds fields at the end."""
    told = Signal(slug="backup", kind=Kind.SUCCESS, at=5, received=6)
    on_time = Entry(slug="backup", n=2, slot=4, at=5, verdict=Verdict.ON_TIME, reason=Reason.IN_TIME, signal=told)
    on_time = replace(on_time, row=Status.UP)
    signal = '["backup","success",5,6,"","","",null,null,"",null,"",[],"ping",""]'
    assert rows.dump(on_time) == f'[1,"backup",2,4,5,"on_time","in_time","",{signal},"up"]'
    running = State(version=1, born=2, cursor=3, status=Status.UP, runs=(Run(id="r", slot=4, started_at=5),))
    run = '["r",4,5,false,false,false]'
    rest = '0,null,null,null,null,0,[],[],null,null,"",null,[],null,[],null,0,null,0'
    assert rows.dump(running) == f'[1,1,2,3,"up",0,[],[{run}],{rest}]'
    assert rows.dump(Job(slug="日", schedule=("0 9 * * *",))).startswith('[1,"日",["0 9 * * *"],"UTC",')


def test_reads_rows_from_before_a_field_was_added():
    assert rows.JOB.load('[1,"a",["0 9 * * *"]]', "a") == Job(slug="a", schedule=("0 9 * * *",))
    assert rows.ENTRY.load('[1,"a",1,null,5]', "a") == Entry(slug="a", n=1, slot=None, at=5)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "truncated"),
        ("[1,2", "truncated"),
        ("[" * 5000, "recursion|Expected"),
        ("{}", "Expected `array`, got `object`"),
        ("7", "Expected `array`, got `int`"),
        ("[]", "length 4, got 0"),
        ("[2,1,2,3]", "format 2 is not known here .only 1.: a newer version wrote it"),
        ("[1,1,2]", "Expected `array` of at least length 4, got 3"),
        ('[1,1,2,3,"sideways"]', "Invalid enum value 'sideways'"),
        ('[1,1,2,3,"up",0,[[1]]]', "Expected `array` of at least length 5, got 1 - at `.*6"),
        ('[1,1,2,3,"up",0,5]', "Expected `array`, got `int`"),
        ('[1,"1",2,3]', "Expected `int`, got `str`"),
    ],
)
def test_names_what_is_wrong(text, problem):
    with pytest.raises(StoreCorrupt, match=f"^jobs.state 'backup': .*({problem})"):
        rows.STATE.load(text, "backup")


def test_names_a_broken_document():
    with pytest.raises(StoreCorrupt, match=r"^documents 'clock': .*truncated: '\{'$"):
        rows.DOCUMENT.load("{", "clock")


def test_keeps_half_a_surrogate_pair():
    broken = job(description="\ud83d 日")
    text = rows.dump(broken)
    assert text.isascii()
    assert rows.JOB.load(text, "backup") == broken


def test_parses_a_definition_once():
    text = rows.dump(job())
    assert rows.load_job(text, "backup") is rows.load_job(text, "backup")


def test_refuses_what_is_no_row():
    with pytest.raises(TypeError, match="type object is unsupported"):
        rows.dump(object())


def test_an_entry_is_heard_when_its_signal_came_in():
    late = replace(entry(at=T0 + 5), at=T0)
    assert rows.heard_at(late) == T0 + 5
    assert rows.heard_at(replace(late, signal=None)) == T0


@pytest.mark.parametrize("kind", [Job, State, Entry, Signal, Delivery, Alert, Run, Span, Incident, Evidence, Bound])
def test_every_optional_field_stands_behind_the_required_ones(kind):
    """A row that ends early has the defaults for the rest: a required field there could not be read."""
    optional = [not field.required for field in fields(kind)]
    assert optional == sorted(optional)


def test_reads_every_field_of_the_samples():
    for codec, noun in ((rows.STATE, state()), (rows.DELIVERY, delivery())):
        assert codec.load(rows.dump(noun), "") == noun
