"""Replay worlds by their seeds: `python tests/simulation/replay.py SEED ...`. Prints each world's timeline."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from simulation.play import play
from simulation.timeline import timeline


def main(seeds):
    failed = 0
    for seed in seeds:
        world, problems = play(seed)
        print(timeline(world, problems))  # noqa: T201 - a script that prints
        failed += bool(problems)
    return failed


if __name__ == "__main__":
    sys.exit(main([int(seed) for seed in sys.argv[1:]]))
