"""A job with a trigger, a target that counts and does as it is told, and a clock that the test moves."""

from datetime import UTC, datetime

from msgspec.structs import replace

from heartbeat.core.definition import founding, removed
from heartbeat.core.start_orders import Order
from heartbeat.core.starting import run_for
from heartbeat.errors import StartFailed
from heartbeat.model import Job, Kind, Signal, Trigger
from heartbeat.store.sqlite.store import SQLiteStore
from heartbeat.targets.protocol import TargetAnswer
from heartbeat.verbs.apply import define
from heartbeat.verbs.operate import found, pause_job
from heartbeat.verbs.record import Recorder
from heartbeat.verbs.sweep import sweep
from heartbeat.verbs.trigger import Starter

MINUTE = 60_000
TOOK_IT = TargetAnswer(text="202 Accepted")
REFUSED = StartFailed("503 busy", again=True)
NEVER = StartFailed("RESOURCE:CPU")
SILENT = StartFailed("no answer within 10 s", unknown=True)


class Killed(BaseException):
    """The process ends here: nothing of ours runs any more."""


def at(text):
    """`09:00` or `09:00:30` on 2026-01-05, `06T09:00` on another day of the month; UTC, in milliseconds."""
    day, _, time = text.rpartition("T")
    return round(datetime.fromisoformat(f"2026-01-{day or '05'}T{time}").replace(tzinfo=UTC).timestamp() * 1000)


class Target:
    """Does what the script says next, else takes the run. `started`: run ids of which it began the work."""

    timeout, repeatable = 10_000, 0

    def __init__(self):
        self.script, self.calls, self.started = [], [], []

    def start(self, call, sent):
        self.calls.append(call)
        step = self.script.pop(0) if self.script else TOOK_IT
        if callable(step):
            step = step(call, sent)
        if isinstance(step, StartFailed) and not step.unknown:
            raise step
        if not self.repeatable or call.run_id not in self.started:
            self.started.append(call.run_id)
        if isinstance(step, BaseException):
            raise step
        return step


BORN = at("07:00")


class Stage:
    def __init__(self, *, schedule="0 9 * * *", born="07:00", store=None, **options):
        self.store, self.target, self.now = store or SQLiteStore(":memory:"), Target(), at(born)
        options = {"grace": 10 * MINUTE, "trigger": Trigger(kind="http", settings={}), **options}
        self.store.commit([founding(Job(slug="job", schedule=(schedule,), notify=("ops",), **options), self.now)])
        self.starter = Starter(self.store, lambda _: self.target, lambda: self.now)
        self.recorder = Recorder(self.store)

    def fire(self, when, slot="09:00", **order):
        """The scheduler calls: what became of it."""
        self.now = at(when)
        named = None if slot is None else at(slot)
        given = {"run_id": run_for("job", named, BORN) if named else "", **order}
        return self.starter.start(Order(slug="job", slot=named, **given))

    def sweep(self, *times):
        """Look, and go on with the starts that are due: what became of them."""
        done = []
        for when in times:
            self.now = at(when)
            swept = sweep(self.store, self.now, service=("ops",))
            done += [self.starter.start(order) for order in swept.starts]
        return done

    def alive(self, start, end):
        """Sweep every four minutes, both ends included."""
        done = []
        for self.now in range(at(start), at(end) + 1, 4 * MINUTE):
            done += [self.starter.start(order) for order in sweep(self.store, self.now, service=("ops",)).starts]
        return done

    def hear(self, kind, when, run_id, **fields):
        signal = Signal(slug="job", kind=Kind(kind), at=at(when), received=at(when), run_id=run_id, **fields)
        self.recorder = Recorder(self.store)
        self.recorder.record([signal])

    def pause(self, when, until=None):
        self.now = at(when)
        pause_job(self.store, "job", self.now, until=at(until) if until else None)

    def edit(self, when, **fields):
        """The file changes, and somebody applies it."""
        self.now = at(when)
        define(self.store, replace(self.snapshot.job, **fields), self.now)

    def remove(self, when):
        """The file has it no more: the job as it was."""
        self.now, there = at(when), self.snapshot
        self.store.commit([removed(there, self.now, None)])
        return there.job

    def declare(self, when, job):
        """The file has it again."""
        self.now = at(when)
        found(self.store, [job], self.now)

    @property
    def snapshot(self):
        return self.store.load(["job"])["job"]

    @property
    def state(self):
        return self.snapshot.state

    @property
    def phases(self):
        return [str(start.phase) for start in self.state.starts]

    def told(self):
        """(event, reason, exit status) of every alert, oldest first."""
        found = sorted(self.store.outbox(1 << 52, 100), key=lambda delivery: delivery.created_at)
        return [(str(d.alert.event), str(d.alert.reason)) for d in found]

    def lines(self):
        """The texts of the job's history, oldest first."""
        return [entry.signal.body for entry in self.store.history("job", 100)[::-1] if entry.signal]

    def verdict(self, slot="09:00"):
        found = self.store.history("job", 1, at(slot))
        return (str(found[0].verdict), str(found[0].reason)) if found else None
