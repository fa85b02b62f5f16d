"""One seed, one world, one verdict."""

from __future__ import annotations

import traceback

from simulation.applying import draw_changes
from simulation.script import write
from simulation.timeline import timeline
from simulation.verify import disagreements
from simulation.world import World

CHANGING = 10_000_000
"""From this seed on, the worlds of before, but their jobs files change."""


def play(seed):
    """(the world, what disagrees with the oracle)."""
    script = write(seed % CHANGING)
    if seed >= CHANGING:
        draw_changes(script)
    world = World(script)
    try:
        world.run()
        return world, disagreements(world)
    except Exception:  # noqa: BLE001 - whatever it was, the seed and the timeline must be shown
        return world, [traceback.format_exc()]


def report(seed):
    """ "" if all is well; else the timeline, and how to see it again."""
    world, problems = play(seed)
    if not problems:
        return ""
    return f"{timeline(world, problems)}\n\nreplay: python tests/simulation/replay.py {seed}\n"
