"""A world for people to read: the jobs that disagree, their diary in the order of commits, and each slot's verdicts."""

from __future__ import annotations

import re

from simulation.diary import Alive, Heard, Silenced, Swept, Unsilenced
from simulation.verify import follow, verdicts_of
from simulation.wallclock import clock

INSTANT = re.compile(r"\b1[2-9]\d{11}\b")


def timeline(world, problems):
    """Everything when nothing disagrees; else only what concerns the jobs that do."""
    slugs = [slug for slug in world.slugs if any(slug in problem for problem in problems)] or world.slugs
    lines = [_headline(world), *(_job(plan) for plan in world.script.jobs if plan.job.slug in slugs), ""]
    for number, step in enumerate(world.diary):
        told = [t for t in world.decided if t.step == number and t.slug in {"", *slugs}]
        if told or _concerns(step, slugs):
            lines.append(f"{number:5} {_words(step, slugs)}")
        lines += [f"      told: {t.slug or 'service'} {t.event} {t.at}" for t in told]
    lines += ["", *_slots(world, slugs), *(f"!! {problem}" for problem in problems)]
    return INSTANT.sub(lambda found: clock(int(found[0]), world.script.zone), "\n".join(lines))


def _headline(world):
    script = world.script
    return (
        f"seed {script.seed}: {script.zone}, {script.start} to {script.end}, "
        f"{script.sweepers} sweepers every {script.sweeps} ms, faults {script.faults}, outages {script.outages}"
    )


def _job(plan):
    job = plan.job
    runtime = f"{job.max_runtime / 60_000:g}m" if job.max_runtime else "unset"
    return (
        f"  {job.slug}: {' | '.join(job.schedule)}, grace {job.grace / 60_000:g}m, early {job.early / 60_000:g}m, "
        f"max_runtime {runtime}, alert_after {job.alert_after}, remind_every {job.remind_every}, style {plan.style}"
    )


def _concerns(step, slugs):
    if isinstance(step, Swept):
        return bool(step.slugs & set(slugs))
    return getattr(step, "slug", "") in slugs or isinstance(step, (Silenced, Unsilenced))


def _words(step, slugs):
    match step:
        case Heard(signal=s):
            extra = "".join(f" {k}={v}" for k, v in (("rid", s.run_id), ("for", s.named), ("id", s.id)) if v)
            return f"heard {s.slug} {s.kind} at {s.at} received {s.received}{extra}"
        case Swept(now=now, slugs=swept):
            return f"swept at {now}: {' '.join(sorted(swept & set(slugs)))}"
        case Alive(now=now):
            return f"alive at {now}"
    return str(step)


def _slots(world, slugs):
    """Each slot: what the oracle says of it, and what heartbeat says."""
    oracle = follow(world)
    for slug in slugs:
        if slug in oracle.jobs:
            found = verdicts_of(world, slug)
            for slot, book in sorted(oracle.jobs[slug].slots.books.items()):
                if book.verdict or slot in found:
                    mark = "" if book.verdict == found.get(slot) else "   <<<" if not book.lenient else "   (either)"
                    yield f"  {slug} {slot} until {book.deadline}: {book.verdict}, heartbeat: {found.get(slot)}{mark}"
