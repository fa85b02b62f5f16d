"""The jobs files of a world change: jobs are removed, declared again, renamed, edited, disabled, moved to another file.

Drawn by dice of its own, so that a world without changes is the one that its seed always was.
"""

from __future__ import annotations

from dataclasses import replace as with_
from itertools import pairwise
from random import Random

from msgspec.structs import replace

from heartbeat.config import Config
from heartbeat.model import HOUR, MINUTE, SECOND
from heartbeat.verbs.apply import apply
from simulation.diary import Born, Redefined, Removed, Swept
from simulation.places import draw_form
from simulation.script import DAY, Act, JobPlan, runs_of, travel
from simulation.stage import Actor
from simulation.wallclock import slots_between

FILES = ("a", "b")


def draw_changes(script):
    """What happens to the jobs files, as acts, for the jobs of this script."""
    script.changing = True
    dice = Random(script.seed ^ 0xA991)  # noqa: S311 - replayed, not guarded
    for plan in list(script.jobs):
        for _ in range(dice.choice((0, 1, 1, 2, 3))):
            at = max(script.start + int((script.end - script.start) * dice.random()), plan.born + MINUTE)
            near = [ping.arrives for ping in script.pings if ping.signal.slug == plan.job.slug]
            if near and dice.random() < 0.5:  # in the middle of what happens
                at = max(plan.born + SECOND, dice.choice(near) + dice.randrange(-5 * SECOND, 5 * SECOND))
            elif plan.known and dice.random() < 0.5:  # about when something is overdue
                slots = [slot for slot in plan.known if plan.born < slot < script.end] or [at]
                at = max(plan.born + SECOND, dice.choice(slots) + plan.job.grace + dice.randrange(-MINUTE, 5 * MINUTE))
            script.acts += dice.choice(KINDS)(dice, script, plan, at)


def _away(dice, _script, plan, at):
    """Removed, and mostly declared again."""
    pause = dice.choice((SECOND, MINUTE, dice.randrange(HOUR), plan.gap, dice.randrange(4 * HOUR)))
    acts = [Act(at=at, what="remove", slug=plan.job.slug)]
    return [*acts, Act(at=at + pause, what="declare", slug=plan.job.slug)] if dice.random() < 0.85 else acts


def _edit(dice, _script, plan, at):
    job = plan.job
    # As in `script`: with a threshold, the order of what is found late matters when grace comes near the gap.
    longer = job.grace // 2 if job.alert_after == 1 else 0
    field, value = dice.choice((
        ("grace", max(job.grace // 2, 30 * SECOND)),
        ("grace", job.grace + longer),
        ("max_runtime", dice.choice((None, max(plan.gap // 3, MINUTE)))),
        ("remind_every", dice.choice((None, 20 * MINUTE))),
        ("description", "edited"),
        ("notify", dice.choice((("ops",), ("pager",), ("ops", "pager")))),
    ))  # fmt: skip
    return [Act(at=at, what="edit", slug=job.slug, fields={field: value})]


def _disable(dice, _script, plan, at):
    off = Act(at=at, what="edit", slug=plan.job.slug, fields={"enabled": False})
    on = Act(at=at + dice.randrange(3 * HOUR), what="edit", slug=plan.job.slug, fields={"enabled": True})
    return [off, on]


def _move(dice, _script, plan, at):
    """To the other file: taken from the one first, or given to the other first."""
    return [Act(at=at, what=dice.choice(("move", "adopt")), slug=plan.job.slug)]


def _rename(dice, script, plan, at):
    """Its runs go on under another name."""
    new = f"{plan.job.slug}-{at % 10_000}"
    other = with_(plan, job=replace(plan.job, slug=new), born=at)
    script.jobs.append(other)
    script.pings = [p for p in script.pings if p.signal.slug != plan.job.slug or p.arrives < at or dice.random() < 0.1]
    for run in runs_of(dice, script, other):
        script.pings += [ping for ping in travel(dice, script, other, run) if at < ping.arrives <= script.end]
    return [Act(at=at, what="remove", slug=plan.job.slug)]


def _reschedule(dice, script, plan, at):
    """Other times from now on; its runs follow them."""
    if plan.every:
        return []
    every, crons = 1, ()
    while every:
        every, crons = draw_form(dice, script.end - script.start > 2 * DAY)
    known = slots_between(crons, script.zone, script.start - 9 * DAY, script.end + 9 * DAY)
    near = min((b - a for a, b in pairwise(known)), default=DAY)
    alert_after = plan.job.alert_after if plan.job.grace < near / 3 else 1
    job = replace(plan.job, schedule=tuple(cron.text for cron in crons), alert_after=alert_after)
    other = with_(plan, job=job, born=at, crons=crons, known=known)
    script.other_times[job.slug, job.schedule] = known
    script.pings = [p for p in script.pings if p.signal.slug != plan.job.slug or p.arrives < at or dice.random() < 0.1]
    for run in runs_of(dice, script, other):
        script.pings += [ping for ping in travel(dice, script, other, run) if at < ping.arrives <= script.end]
    return [Act(at=at, what="edit", slug=plan.job.slug, fields={"schedule": job.schedule, "alert_after": alert_after})]


KINDS = (_away, _away, _away, _edit, _disable, _move, _rename, _reschedule)


class Owner(Actor):
    """Carries out the jobs files, and tells the diary what became of it."""

    may_lag = False

    def __init__(self, world):
        super().__init__(world, "owner")
        self.files = {name: {} for name in FILES}

    def stored(self, change):
        if change.remove:
            self.world.write(Removed(slug=change.slug, now=self.now))
        elif not change.expected:
            self.world.write(Born(slug=change.slug, now=self.now, job=change.job))
        elif change.job is not None:
            self.world.write(Redefined(slug=change.slug, now=self.now, job=change.job))
        elif change.state is not None:  # what went by is judged before
            self.world.write(Swept(now=self.now, slugs={change.slug}))

    def declare(self, plan: JobPlan):
        self.files[FILES[0]][plan.job.slug] = plan.job
        self.apply(FILES[0])

    def act(self, act):
        """Write the files, and apply those that this concerns."""
        home = next((name for name in FILES if act.slug in self.files[name]), None)
        if act.what == "declare" and home is None and act.slug in self.world.away:
            self.files[FILES[0]][act.slug] = self.world.away.pop(act.slug)
            self.apply(FILES[0])
        elif home is None:
            return
        elif act.what == "edit":
            self.files[home][act.slug] = replace(self.files[home][act.slug], **act.fields)
            self.apply(home)
        elif act.what in {"remove", "move", "adopt"}:
            self.go(act, home)

    def go(self, act, home):
        job = self.files[home].pop(act.slug)
        if act.what == "remove":
            self.world.away[act.slug] = job
            self.apply(home)
            return
        other = FILES[1 - FILES.index(home)]
        self.files[other][act.slug] = job
        for name in (home, other) if act.what == "move" else (other, home):
            self.apply(name)

    def again(self, _):
        for name in FILES:
            self.apply(name)

    def apply(self, name):
        self.now = self.world.now
        jobs = tuple(replace(job, source=name) for job in self.files[name].values())
        config = Config(name=name, jobs=jobs, channels={}, service=(), fallback=(), digest="", warnings=())
        apply(self.store, config, self.now)
