"""The oracle's rule for what happened while nobody listened: is a slot unknown, or when does its silence count?

Written from the words of DESIGN.md ("After a gap of ours, of any length …") and the numbers of the documentation.
"""

from __future__ import annotations

from heartbeat.model import MINUTE

HOPELESS = 5 * MINUTE
"""Nobody calls again after so long."""
QUICK = 5 * MINUTE
AGAIN = MINUTE


def gaps(times):
    """Times without anybody who listened, (from, to), joined where they overlap."""
    joined = []
    for since, back in sorted(times):
        if joined and since < joined[-1][1]:
            joined[-1] = joined[-1][0], max(back, joined[-1][1])
        else:
            joined.append((since, back))
    return joined


def counts_from(start, end, grace, rhythm, times):
    """From when on silence since `start` means something; None: nobody can say, and nobody will be told.

    rhythm: the time between the job's slots there.
    """
    quick = rhythm is not None and rhythm <= QUICK
    instants = [end]
    for since, back in gaps(times):
        if not (since < end and start < back):
            continue
        heard = max(since - start, 0) + max(end - back, 0)
        mostly_lost = heard * 2 < end - start
        if quick and (max(since - start, 0) + max(end - back - rhythm - AGAIN, 0)) * 2 < end - start:
            return None
        if not quick and mostly_lost and back - since > HOPELESS and back >= end:
            return None
        instants.append(back + (AGAIN + min(rhythm or QUICK, QUICK) if mostly_lost else min(grace, AGAIN)))
    return max(instants)
