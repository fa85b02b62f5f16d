"""Nobody listens for a while, from a minute to hours, and the clocks of some who send are wrong.

Drawn by dice of its own, so that a world without absences is the one that its seed always was.
"""

from __future__ import annotations

from random import Random

from msgspec.structs import replace

from heartbeat.ingest.ping import read, target
from heartbeat.model import DAY, HOUR, MINUTE, SECOND
from simulation.script import away

LONGEST = 2 * DAY


def draw_absences(script):
    """Sweeps that come often, times without any, and wrong clocks, for the jobs of this script."""
    dice = Random(script.seed ^ 0xAB5E)  # noqa: S311 - replayed, not guarded
    script.patience, script.sweeps = 80 * SECOND, (40 * SECOND, 60 * SECOND)
    last = min(script.end, script.start + LONGEST)
    for _ in range(dice.choice((1, 3, 6))):
        begin = dice.randrange(script.start, last)
        longest = dice.choice((MINUTE, MINUTE, 10 * MINUTE)) * dice.uniform(1.4, 6)
        away(dice, script, begin, begin + int(longest))
    script.pings = [ping for ping in script.pings if ping.arrives <= script.end]
    for plan in script.jobs:
        if plan.stamped and dice.random() < 0.4:
            script.skews[plan.job.slug] = dice.choice((-1, 1)) * dice.randrange(20 * SECOND, 30 * HOUR)


def sent(signal, skew):
    """The signal as it is read of a ping whose sender's clock is slow by so much."""
    at, now = signal.at - skew, signal.received - skew
    ping = read(target(b"/ping/k/x"), f"at={at / 1000:.3f}&sent={now / 1000:.3f}".encode(), received=signal.received)
    return replace(signal, at=ping.signal.at, skew=ping.signal.skew)
