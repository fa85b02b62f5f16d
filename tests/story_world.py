"""A world to tell stories in: one store, one clock that the story moves, and what people were told.

    w = World("every 60m", grace="5m")
    w.ping("08:00"); w.sweep("11:30"); w.ping("11:31")
    assert w.told() == ["09:05 down", "11:31 up"]

Times are "HH:MM[:SS]" on 2026-01-05 (a Monday), "MM-DD HH:MM", or ISO 8601; in the job's zone unless they carry one.
"""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from msgspec.structs import replace

from heartbeat.core.definition import founding
from heartbeat.model import Change, Event, Job, Kind, Signal, Silence
from heartbeat.schedule.duration import parse_duration
from heartbeat.store.sqlite.store import SQLiteStore
from heartbeat.verbs.jobs import amend
from heartbeat.verbs.operate import pause_job, resume_job, silence
from heartbeat.verbs.record import Recorded, Recorder
from heartbeat.verbs.sweep import sweep

DAY = "2026-01-05"
WORDS = {Event.OPENED: "down", Event.RECOVERED: "up", Event.REMINDER: "still down", Event.BLIND: "blind"}
DURATIONS = {"grace", "early", "max_runtime", "min_runtime", "remind_every"}


class World:
    def __init__(self, schedule="every 60m", *, at="07:00", zone="UTC", look=None, **options):
        self.store = SQLiteStore(":memory:")
        self.zone = ZoneInfo(zone)
        self.recorder = Recorder(self.store)
        self.looker = {"evidence": look} if look else {}
        self.slug = "job"
        self.add(self.slug, schedule, at=at, **options)

    def add(self, slug, schedule, *, at="07:00", **options):
        texts = (schedule,) if isinstance(schedule, str) else tuple(schedule)
        values = {k: parse_duration(v) if k in DURATIONS else v for k, v in options.items()}
        job = Job(slug=slug, schedule=texts, timezone=self.zone.key, notify=("ops",), **values)
        self.store.commit([founding(job, self.ms(at))])

    def ms(self, text):
        if isinstance(text, int):
            return text
        if len(text) <= 8:
            text = f"{DAY}T{text}"
        elif len(text) <= 14 and text[2] == "-":
            text = f"2026-{text.replace(' ', 'T')}"
        instant = datetime.fromisoformat(text)
        return round((instant if instant.tzinfo else instant.replace(tzinfo=self.zone)).timestamp() * 1000)

    def hear(self, kind, at, *, heard=None, slug=None, **fields):
        received = self.ms(heard or at)
        signal = Signal(slug=slug or self.slug, kind=kind, at=self.ms(at), received=received, **fields)
        return self.recorder.record([signal])[0]

    def ping(self, at, **fields):
        assert self.hear(Kind.SUCCESS, at, **fields) is Recorded.STORED

    def start(self, at, run="", **fields):
        self.hear(Kind.START, at, run_id=run, **fields)

    def success(self, at, run="", **fields):
        self.hear(Kind.SUCCESS, at, run_id=run, **fields)

    def fail(self, at, run="", **fields):
        self.hear(Kind.FAIL, at, run_id=run, **fields)

    def sweep(self, *times, again=True):
        for at in times:
            while sweep(self.store, self.ms(at), service=("ops",), **self.looker).more and again:
                pass

    def alive(self, start, end, minutes=1):
        """Sweep every few minutes from start to end, both included."""
        step = minutes * 60_000
        self.sweep(*range(self.ms(start), self.ms(end) + 1, step))

    def pause(self, at, until=None):
        pause_job(self.store, self.slug, self.ms(at), until=None if until is None else self.ms(until))

    def resume(self, at):
        resume_job(self.store, self.slug, self.ms(at))

    def silence(self, start, end, selector="*"):
        return silence(self.store, Silence(id=f"s{start}", selector=selector, start=self.ms(start), end=self.ms(end)))

    def redefine(self, at, **fields):
        from heartbeat.verbs.apply import redefined  # noqa: PLC0415 - only some stories redefine

        job = replace(self.job().job, **fields)
        amend(self.store, self.slug, lambda snapshot: redefined(snapshot, job, self.ms(at)))

    def job(self, slug=None):
        name = slug or self.slug
        return self.store.load([name])[name]

    @property
    def status(self):
        return str(self.job().state.status)

    def alerts(self):
        """Every alert that waits for a channel, in the order they were told."""
        found = self.store.outbox(1 << 52, 10_000)
        return [d.alert for d in sorted(found, key=lambda d: (d.created_at, d.alert.at))]

    def told(self):
        return [f"{self.clock(a.at)} {WORDS[a.event]}" for a in self.alerts()]

    def clock(self, ms):
        local = datetime.fromtimestamp(ms / 1000, self.zone)
        form = "%H:%M" if local.date().isoformat() == DAY else "%m-%d %H:%M"
        return local.strftime(form + (":%S" if local.second else ""))

    def named(self, slot):
        """How a signal names this slot."""
        return datetime.fromtimestamp(slot / 1000, self.zone).strftime("%Y-%m-%dT%H:%M")

    def verdicts(self, slug=None):
        """The slots and what became of them, oldest first: {"09:00": "on_time", ...}."""
        found = {}
        for entry in self.store.history(slug or self.slug, 10_000):
            if entry.slot is not None and entry.verdict is not None:
                found.setdefault(entry.slot, str(entry.verdict))
        return {self.clock(slot): found[slot] for slot in sorted(found)}

    def touch(self, **fields):
        """Move the job as another process would: the version goes up, nothing else changes."""
        snapshot = self.job()
        state = replace(snapshot.state, version=snapshot.state.version + 1, **fields)
        self.store.commit([Change(slug=self.slug, expected=snapshot.state.version, state=state)])
