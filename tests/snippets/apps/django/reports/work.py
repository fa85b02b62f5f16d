"""The job's own work, which ends as the file `outcomes` says."""

import builtins
import time
from pathlib import Path

ROWS = 312


def make_report():
    outcome, _, rest = Path("outcomes").read_text().partition("\n")
    Path("outcomes").write_text(rest or "ok")
    if outcome == "slow":
        time.sleep(1)
    elif outcome != "ok":
        raise getattr(builtins, outcome)("no disk left")
    return ROWS
