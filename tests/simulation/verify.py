"""A finished world against the oracle: every disagreement as one line for people to read."""

from __future__ import annotations

from fnmatch import fnmatchcase

from heartbeat.core.on_signal import SEEN_MAX
from heartbeat.model import MINUTE, Event
from heartbeat.verbs.record import Recorded
from simulation.absence import gaps
from simulation.diary import (
    Acknowledged,
    Alive,
    Born,
    Heard,
    Paused,
    Redefined,
    Removed,
    Resumed,
    Silenced,
    Swept,
    Unsilenced,
)
from simulation.oracle import JobOracle
from simulation.slotting import Calendar, Interval
from simulation.telling import Situation, Told

TOLD_AFTER = 5 * MINUTE
JOB_EVENTS = {"opened", "recovered", "closed", "reminder"}


class Oracle:
    """All jobs of a world, and the service itself."""

    def __init__(self, script):
        self.patience = script.patience
        self.plans = {plan.job.slug: plan for plan in script.jobs}
        self.jobs, self.gone, self.lives, self.silences = {}, {}, [], []
        self.other_times = script.other_times
        self.alive, self.blinds, self.told = None, [], []

    def follow(self, diary):
        for number, step in enumerate(diary):
            self.step(number, step)
        return self

    def step(self, number, step):  # noqa: C901, PLR0912 - one case a kind of step
        match step:
            case Born(slug=slug, now=now, job=job):
                left = self.gone.pop(slug, None)
                self.jobs[slug] = JobOracle(job, self.slots(job, now), now)
                self.lives.append(self.jobs[slug])
                if left is not None:
                    self.jobs[slug].inherit(left)
            case Removed(slug=slug, now=now):
                self.gone[slug] = self.jobs.pop(slug)
                self.gone[slug].removed(self.around(number, slug, now))
            case Redefined(slug=slug, now=now, job=job):
                other = job.schedule != self.jobs[slug].job.schedule
                self.jobs[slug].redefined(job, now, self.slots(job, now) if other else None)
            case Heard(signal=signal):
                self.jobs[signal.slug].heard(signal, self.around(number, signal.slug, signal.received))
            case Swept(now=now, slugs=slugs, sure=sure):
                for slug in slugs & set(self.jobs):
                    self.jobs[slug].swept(self.around(number, slug, now), sure)
            case Alive(now=now):
                self.awake(number, now)
            case Silenced(silence=silence):
                self.silences.append(silence)
            case Unsilenced(name=name):
                self.silences = [silence for silence in self.silences if silence.id != name]
            case Paused(slug=slug):
                self.jobs[slug].pause()
            case Resumed(slug=slug, now=now):
                self.jobs[slug].resume(now)
            case Acknowledged(slug=slug):
                self.jobs[slug].acknowledge()

    def awake(self, number, now):
        if self.alive is not None and now - self.alive > self.patience:
            before = {since for since, back in gaps(self.blinds) if back - since > TOLD_AFTER}
            self.blinds.append((self.alive, now))
            since, back = gaps(self.blinds)[-1]
            if back - since > TOLD_AFTER and since not in before:
                self.told.append(Told(step=number, slug="", event="blind", at=now))
        self.alive = now

    def slots(self, job, now):
        plan = self.plans[job.slug]
        known = self.other_times.get((job.slug, job.schedule), plan.known)
        return Interval(plan.every, now, job.grace) if plan.every else Calendar(known, now, job.grace, job.early)

    def around(self, number, slug, now):
        quiet = any(s.start <= now < s.end and fnmatchcase(slug, s.selector) for s in self.silences)
        away = self.alive is not None and now - self.alive > self.patience
        blinds = [*self.blinds, (self.alive, now)] if away else self.blinds  # whoever looks now knows
        return Situation(step=number, now=now, quiet=quiet, blinds=blinds)


def follow(world):
    return Oracle(world.script).follow(world.diary)


def disagreements(world):
    oracle = follow(world)
    return [*_told(world, oracle), *_verdicts(world, oracle), *_heard(world), *_incidents(world), *_received(world)]


def _told(world, oracle):
    """What had to be told and what was, in order and at the same step."""
    expected = sorted(oracle.told + [t for job in oracle.lives for t in job.told], key=_order)
    found = sorted((_plain(told) for told in world.decided), key=_order)
    yield from (f"not told: {told}" for told in expected if told not in found)
    yield from (f"told, but should not be: {told}" for told in found if told not in expected)


def _order(told):
    return told.step, told.slug, told.event


def _plain(told):
    return Told(step=told.step, slug=told.slug, event=told.event, at=None if told.event == "reminder" else told.at)


def _verdicts(world, oracle):
    for slug in {life.job.slug for life in oracle.lives}:
        found = verdicts_of(world, slug)
        lives = [life for life in oracle.lives if life.job.slug == slug]
        expected = {}
        for life in lives:  # a slot of two lives is the later one's
            expected = {s: v for s, v in expected.items() if s not in life.known_slots()} | life.verdicts()
        for slot, verdict in expected.items():
            if found.get(slot) != verdict:
                yield f"slot {slot} of {slug} is {found.get(slot)}, should be {verdict}"
        for slot in found.keys() - {slot for life in lives for slot in life.known_slots()}:
            if any((life.paused or life.floor != life.born) and isinstance(life.slots, Interval) for life in lives):
                continue  # what a heartbeat within a pause is expected for, nobody has said
            yield f"slot {slot} of {slug} is {found[slot]}, but there is no such slot"


def verdicts_of(world, slug):
    """Slot to verdict, as heartbeat's history has it: the newest entry counts."""
    found = {}
    for entry in world.store.history(slug, 100_000):
        if entry.slot is not None and entry.verdict is not None:
            found.setdefault(entry.slot, str(entry.verdict))
    return found


def _twice(ids):
    """Ids that came again while they had to be known still: a signal leaves two ids at most."""
    for i, name in enumerate(ids):
        if name and name in ids[max(0, i - SEEN_MAX // 2 + 1) : i]:
            yield name


def _heard(world):
    """Every ping that arrived is in exactly once; what was answered "seen" is in."""
    kept = [step.signal for step in world.diary if isinstance(step, Heard)]
    ids = {signal.id for signal in kept if signal.id}
    for slug in {signal.slug for signal in kept}:
        yield from (f"signal {name} is in more than once" for name in _twice([s.id for s in kept if s.slug == slug]))
    for signal, answer in world.answers:
        known = answer is Recorded.STORED or signal.id in ids or signal.run_id
        if answer is not Recorded.UNKNOWN and not known:
            yield f"answered {answer}, but not kept: {signal}"
        if answer is Recorded.UNKNOWN and signal.received > world.script.end and not world.script.changing:
            yield f"unknown job: {signal}"


def _incidents(world):
    """Of one job, opened and recovered take turns; a pause may swallow a recovery."""
    pausing = {step.slug for step in world.diary if isinstance(step, Paused)}
    last = {}
    for told in world.decided:
        opens = told.event == Event.OPENED
        if told.event in {Event.OPENED, Event.RECOVERED, Event.CLOSED} and told.slug not in pausing:
            if last.get(told.slug, False) == opens:
                yield f"{told.event} twice in a row: {told}"
            last[told.slug] = opens


def _received(world):
    """Each channel got each of its alerts once, an incident's in order."""
    expected = {(d.channel, d.alert.id): d.alert for d in world.outgoing}
    for name, channel in world.board.channels.items():
        yield from (f"{name}: {fault}" for fault in channel.faults)
        got = {alert.id for alert in channel.order}
        wanted = {alert for where, alert in expected if where == name}
        yield from (f"{name} never received {alert}" for alert in wanted - got)
        ranks = {}
        for alert in channel.order:
            rank = ["opened", "reminder", "recovered", "closed"].index(alert.event) if alert.event in JOB_EVENTS else 0
            if rank < ranks.get(alert.incident, 0):
                yield f"{name}: {alert.id} came after what follows it"
            ranks[alert.incident] = rank
