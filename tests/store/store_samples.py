"""Small nouns for the store's tests."""

from heartbeat.model import (
    MINUTE,
    NEVER,
    Alert,
    Change,
    Delivery,
    Entry,
    Event,
    Job,
    Kind,
    Mark,
    Outcome,
    Reason,
    Signal,
    State,
    Status,
    Verdict,
)

T0 = 1_795_305_600_000
"""2026-11-22T00:00:00Z"""


def uuid(number=0):
    return f"00000000-0000-4000-8000-{number:012}"


def job(slug="backup", **more):
    return Job(slug=slug, schedule=("*/5 * * * *",), timezone="Asia/Tokyo", notify=("ops",), **more)


def state(version=1, **more):
    return State(version=version, born=T0, cursor=T0, status=Status.UP, since=T0, **more)


def entry(slug="backup", n=2, slot=T0, at=None, **more):
    at = slot if at is None else at
    signal = Signal(slug=slug, kind=Kind.SUCCESS, at=at, received=at, **more)
    return Entry(slug=slug, n=n, slot=slot, at=at, verdict=Verdict.ON_TIME, reason=Reason.IN_TIME, signal=signal)


def new(slug="backup", number=0, due=T0 + 5 * MINUTE, **more):
    """The change that makes a job."""
    return Change(slug=slug, job=job(slug), state=state(), uuid=uuid(number), due=due, **more)


def ping(slug="backup", expected=1, slot=T0, **more):
    """The change of an on-time success."""
    entries = (entry(slug, expected + 1, slot),)
    return Change(slug=slug, expected=expected, state=state(expected + 1, signals=expected), entries=entries, **more)


def delivery(id="one", version=1, next_at=T0, incident="i-1", created_at=T0, **more):  # noqa: A002 - the noun's own word
    alert = Alert(id=f"alert-{id}", event=Event.OPENED, at=T0, incident=incident, slug="backup", output="日本語 😀")
    return Delivery(id=id, channel="ops", alert=alert, created_at=created_at, next_at=next_at, version=version, **more)


def sent(id="one", version=2, **more):  # noqa: A002 - the noun's own word
    return delivery(id, version, next_at=NEVER, outcome=Outcome.SENT, attempts=1, **more)


def due(store, since, now, limit):
    """The slugs that are due; as a sweep asks that goes on from an instant."""
    return list(store.due(Mark(at=since), now, limit).slugs)
