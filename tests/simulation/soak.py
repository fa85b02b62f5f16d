"""Many worlds: `python tests/simulation/soak.py [HOW_MANY [FIRST]]`, or SEEDS=100000 in the environment.

Prints each seed that fails with how to replay it, and stops after the tenth.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from simulation.play import play

FAILED_MAX = 10
EVERY = 1_000


def main(count, first):
    began, failed = time.monotonic(), []
    for done, seed in enumerate(range(first, first + count), start=1):
        _, problems = play(seed)
        if problems:
            failed.append(seed)
            say(f"{problems[0]}\n  replay: python tests/simulation/replay.py {seed}")
        if done % EVERY == 0 or len(failed) == FAILED_MAX:
            say(f"{done} worlds, {len(failed)} failed, {done / (time.monotonic() - began):.0f} a second")
        if len(failed) == FAILED_MAX:
            break
    say(f"seeds {first} to {seed}: {len(failed)} failed")
    return bool(failed)


def say(text):
    print(text, flush=True)  # noqa: T201 - a script that prints


if __name__ == "__main__":
    numbers = [int(word) for word in sys.argv[1:]]
    sys.exit(main(numbers[0] if numbers else int(os.environ.get("SEEDS", "10000")), *(numbers[1:2] or [0])))
