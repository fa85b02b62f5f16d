"""`make bench`: every measurement, as a table and into bench/results.json. `make bench ARGS="pings sweep"` for some.

`--base DIR` names a checkout of the code before: who can (commands, scale, growth) measures it in turns with this one.
Each bench is a process of its own, one after the other. The machine is part of a result: compare rows of one run.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).parent
BENCHES = (
    *("client", "commands", "schedule", "store", "sweep", "scale", "growth"),
    *("down", "lag", "pings", "units", "lambdas"),
)
RUNNER = "import json, sys; sys.path.insert(0, {folder!r}); import {name}; print(json.dumps({name}.run()))"


def main(names: list[str]) -> int:
    """Run the named benches, or all."""
    found: dict[str, list[dict[str, object]]] = {}
    for name in names or BENCHES:
        print(f"\n{name}", flush=True)
        done = subprocess.run(
            [sys.executable, "-c", RUNNER.format(folder=str(HERE), name=name)], stdout=subprocess.PIPE, check=False
        )
        if done.returncode:
            print(f"bench {name} failed", file=sys.stderr)
            return 1
        found[name] = json.loads(done.stdout.splitlines()[-1])
        table(found[name])
    keep(found)
    return 0


def table(rows: list[dict[str, object]]) -> None:
    """Rows with the same keys under one heading."""
    heading: list[str] = []
    for row in rows:
        if list(row) != heading:
            heading = list(row)
            alike = [other for other in rows if list(other) == heading]
            widths = [max(len(str(each.get(key))) for each in [*alike, dict.fromkeys(heading, key)]) for key in heading]
            widths = [max(width, len(key)) for width, key in zip(widths, heading, strict=True)]
            print("  " + "  ".join(key.rjust(width) for key, width in zip(heading, widths, strict=True)))
        print("  " + "  ".join(str(row[key]).rjust(width) for key, width in zip(heading, widths, strict=True)))


def keep(found: dict[str, list[dict[str, object]]]) -> None:
    """Write what was measured; benches that did not run this time keep their last rows."""
    path = HERE / "results.json"
    before = json.loads(path.read_text())["results"] if path.exists() else {}
    machine = {
        "python": platform.python_version(),
        "cores": os.cpu_count(),
        "system": f"{platform.system()} {platform.machine()}",
    }
    results = {"measured": time.strftime("%Y-%m-%d"), "machine": machine, "results": before | found}
    path.write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    arguments = sys.argv[1:]
    if "--base" in arguments:
        at = arguments.index("--base")
        os.environ["BENCH_BASE"] = arguments[at + 1]
        del arguments[at : at + 2]
    sys.exit(main(arguments))
