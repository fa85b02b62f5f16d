"""What shall happen in a world, all of it drawn from one seed: jobs, true runs, pings, people, faults."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise
from random import Random
from zoneinfo import ZoneInfo

from msgspec.structs import replace

from heartbeat.model import HOUR, MINUTE, SECOND, Job, Kind, Signal, Silence
from simulation.places import draw_form, draw_period
from simulation.wallclock import Cron, instant, named, slots_between

DAY = 24 * HOUR


@dataclass(kw_only=True)
class JobPlan:
    """A job, the instant it is applied, and its slots from well before until well after the world (not for `every`)."""

    job: Job
    born: int
    crons: tuple[Cron, ...] = ()
    every: int = 0
    known: list[int] = field(default_factory=list)
    gap: int = 0
    style: str = "success"
    stamped: bool = True


@dataclass(kw_only=True)
class Ping:
    """One signal on its way. `stamped`: its `at` is the client's; else it is whenever it arrives."""

    signal: Signal
    arrives: int
    stamped: bool


@dataclass(kw_only=True)
class Act:
    """What a person does."""

    at: int
    what: str
    slug: str = ""
    silence: Silence | None = None
    fields: dict[str, object] = field(default_factory=dict)


@dataclass(kw_only=True)
class Script:
    seed: int
    zone: str
    start: int
    end: int
    jobs: list[JobPlan] = field(default_factory=list)
    pings: list[Ping] = field(default_factory=list)
    acts: list[Act] = field(default_factory=list)
    outages: list[tuple[int, int]] = field(default_factory=list)
    down: dict[str, tuple[int, int]] = field(default_factory=dict)
    sweeps: tuple[int, int] = (20 * SECOND, 4 * MINUTE)
    sweepers: int = 1
    faults: float = 0.0
    changing: bool = False
    other_times: dict[tuple[str, tuple[str, ...]], list[int]] = field(default_factory=dict)


def write(seed: int) -> Script:
    dice = Random(seed)  # noqa: S311 - worlds are drawn, not guarded
    zone, start, end, long = draw_period(dice)
    faults = dice.choice((0.0, 0.0, 0.02, 0.05, 0.1))
    script = Script(seed=seed, zone=zone, start=start, end=end, faults=faults)
    for number in range(1 if long else dice.choice((1, 1, 2, 2, 3, 3, 4, 6))):
        plan = _job(dice, script, f"job-{number}", long)
        script.jobs.append(plan)
        for run in runs_of(dice, script, plan):
            script.pings.extend(travel(dice, script, plan, run))
    _troubles(dice, script, long)
    _people(dice, script)
    script.pings = [p for p in script.pings if start < p.arrives <= end]
    return script


def _job(dice, script, slug, long):
    born = script.start + dice.choice((0, 0, 0, dice.randrange(0, HOUR)))
    every, crons = draw_form(dice, long)
    around = 9 * DAY if long else 2 * DAY
    known = [] if every else slots_between(crons, script.zone, script.start - around, script.end + around)
    gap = every or _gap(known, script)
    grace = int(gap * dice.choice((dice.uniform(0.02, 0.5), dice.uniform(0.02, 0.5), dice.uniform(0.5, 1.5))))
    grace = min(max(grace // SECOND * SECOND, 30 * SECOND), 6 * HOUR)
    style = dice.choice(("success", "success", "ids", "ids", "nameless", "mixed", "named"))
    job = Job(
        slug=slug,
        schedule=(f"every {every // SECOND}s",) if every else tuple(cron.text for cron in crons),
        timezone=script.zone,
        grace=grace,
        early=dice.choice((5 * MINUTE, 5 * MINUTE, 0, int(gap * 0.3))),
        max_runtime=dice.choice((None, max(int(gap * dice.uniform(0.1, 1.2)), MINUTE))),
        alert_after=dice.choice((1, 1, 2, 3) if style in {"success", "named"} and grace < gap / 3 else (1,)),
        remind_every=dice.choice((None, None, None, 20 * MINUTE, 3 * HOUR)),
        notify=dice.choice((("ops",), ("ops",), ("ops", "pager"))),
    )
    return JobPlan(
        job=job,
        born=born,
        crons=crons,
        every=every,
        known=known,
        gap=gap,
        style="success" if style == "named" and (every or len(crons) > 1) else style,
        stamped=dice.random() < 0.6,
    )


def _gap(known, script):
    near = [slot for slot in known if script.start - DAY <= slot <= script.end + DAY] or known
    return min((b - a for a, b in pairwise(near)), default=DAY)


def runs_of(dice, script, plan):
    """The true runs: each a list of (kind, instant, run id, named)."""
    if plan.every:
        yield from _beats(dice, script, plan)
        return
    for slot in plan.known:
        if plan.born < slot <= script.end:
            for at, fate in _fates(dice, plan, slot):
                yield _run(dice, plan, at, fate, slot)


def _beats(dice, script, plan):
    at = plan.born + int(plan.every * dice.random())
    while at < script.end:
        fate = dice.choices(("ok", "fail", "hung"), (85, 7, 4))[0]
        yield _run(dice, plan, at, fate, None)
        steady = dice.random() < 0.8
        at += max(int(plan.every * (dice.uniform(0.5, 1.05) if steady else dice.uniform(0.1, 4))), 10 * SECOND)


def _fates(dice, plan, slot):  # noqa: PLR0911 - one line a fate
    """When runs for this slot start, and how they end."""
    fate = dice.choices(
        ("ok", "late", "none", "fail", "hung", "twice", "early", "edge", "retry"), (60, 8, 11, 5, 4, 4, 5, 6, 3)
    )[0]
    grace, early = plan.job.grace, plan.job.early
    soon = slot + int(min(grace, 5 * MINUTE) * dice.random() ** 2)
    if fate == "none":
        return []
    if fate == "late":
        return [(slot + grace + int(grace * dice.random()), "ok")]
    if fate == "early":
        return [(slot - int(early * dice.uniform(0, 1.5)), "ok")]
    if fate == "edge":
        edges = (slot, slot - 1, slot + grace, slot + grace - 1, slot + grace + 1, slot - early, slot - early - 1)
        return [(dice.choice(edges), dice.choice(("ok", "ok", "fail", "instant")))]
    if fate == "twice":
        return [(soon, dice.choice(("ok", "ok", "fail", "hung"))), (soon + dice.randrange(MINUTE), "ok")]
    if fate == "retry":
        return [(soon, "fail"), (soon + dice.randrange(MINUTE, 20 * MINUTE), dice.choice(("ok", "ok", "fail")))]
    return [(soon, fate)]


def _run(dice, plan, at, fate, slot):
    style = plan.style
    if style == "mixed":
        style = dice.choice(("success", "nameless"))
    rid = f"r{dice.getrandbits(40):x}" if style == "ids" else ""
    calls = _name(dice, plan, slot) if style == "named" else ""
    usual = dice.choice((5 * SECOND, MINUTE, plan.job.max_runtime or 10 * MINUTE))
    takes = 0 if fate == "instant" else int(usual * dice.choice((dice.random(), dice.random(), 1, 1.3)))
    ends = at + takes if style in {"ids", "nameless"} else at
    found = [(Kind.START, at, rid, "")] if style in {"ids", "nameless"} else []
    if fate != "hung":
        found.append((Kind.FAIL if fate == "fail" else Kind.SUCCESS, ends, rid, calls))
    return found


def _name(dice, plan, slot):
    """How a client names the slot, where the wall clock says it without doubt."""
    text = instant(slot).astimezone(ZoneInfo(plan.job.timezone)).strftime("%Y-%m-%dT%H:%M")
    return text if dice.random() < 0.7 and named(text, plan.job.timezone) == slot else ""


def travel(dice, script, plan, run):
    """The network: some are lost, some doubled, some delayed, and so some overtake others."""
    for kind, at, rid, calls in run:
        if dice.random() < 0.03:
            continue
        name = f"{dice.getrandbits(48):x}" if script.faults or dice.random() < 0.9 else ""
        copies = 2 if name and dice.random() < 0.06 else 1
        for _ in range(copies):
            longest = min(3 * HOUR, 5 * plan.gap)  # the ids of the last 32 signals are remembered
            delays = dice.randrange(2 * SECOND), dice.randrange(min(5 * MINUTE, longest)), dice.randrange(longest)
            delay = dice.choices(delays, (85, 11, 4))[0]
            if plan.style in {"nameless", "mixed"} and kind is Kind.START:  # without an id, hours late says nothing
                delay %= 5 * SECOND
            stamp = at if plan.stamped else at + delay
            signal = Signal(
                slug=plan.job.slug, kind=kind, at=stamp, received=at + delay, id=name, run_id=rid, named=calls
            )
            yield Ping(signal=signal, arrives=at + delay, stamped=plan.stamped)


def _troubles(dice, script, long):
    script.sweepers = dice.choice((1, 1, 2))
    low, high = dice.choice(((200, 280), (200, 280), (120, 250), (40, 200))) if not long else (250, 285)
    script.sweeps = low * SECOND, high * SECOND
    if dice.random() < 0.1:
        _outage(dice, script)
    for channel in ("ops", "pager"):
        if dice.random() < 0.2:
            begin = dice.randrange(script.start, script.end)
            script.down[channel] = begin, begin + dice.randrange(HOUR)


def _outage(dice, script):
    begin = dice.randrange(script.start, script.end)
    end = begin + dice.randrange(6 * MINUTE, 3 * HOUR)
    script.outages.append((begin, end))
    fate = dice.choice(("heard", "lost", "again"))
    inside = [p for p in script.pings if begin <= p.arrives < end]
    if fate == "lost":
        script.pings = [p for p in script.pings if p not in inside]
    elif fate == "again":
        for number, ping in enumerate(sorted(inside, key=lambda ping: ping.arrives)):
            ping.arrives = end + number * SECOND // 2 + dice.randrange(5 * SECOND)
            at = ping.signal.at if ping.stamped else ping.arrives
            ping.signal = replace(ping.signal, at=at, received=ping.arrives)


def _people(dice, script):
    span = script.end - script.start
    for plan in script.jobs:
        if dice.random() < 0.06:
            at = script.start + int(span * dice.random())
            script.acts.append(Act(at=at, what="pause", slug=plan.job.slug))
            script.acts.append(Act(at=at + int(span * 0.4 * dice.random()), what="resume", slug=plan.job.slug))
        if plan.job.remind_every and dice.random() < 0.4:
            script.acts.append(Act(at=script.start + int(span * dice.random()), what="ack", slug=plan.job.slug))
    if dice.random() < 0.2:
        at = script.start + int(span * 0.8 * dice.random())
        selector = dice.choice(("*", "job-0", "job-[12]"))
        end = at + int(span * 0.5 * dice.random())
        script.acts.append(Act(at=at, what="silence", silence=Silence(id="s", selector=selector, start=at, end=end)))
        if dice.random() < 0.3:
            script.acts.append(Act(at=at + (end - at) // 2, what="unsilence"))
