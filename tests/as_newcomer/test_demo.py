"""The first thing that a newcomer starts."""

import re
import subprocess
import sys
from pathlib import Path

DEMO = Path(__file__).parents[2] / "examples" / "demo.py"


def test_the_demo_tells_a_miss_and_a_recovery_and_ends_by_itself():
    demo = subprocess.run([sys.executable, DEMO], capture_output=True, text=True, timeout=120, check=False)
    assert demo.returncode == 0, demo.stdout + demo.stderr
    told = re.findall(r"the receiver got: (\w+) (\S+?):", demo.stdout)
    assert told == [("MISSED", "daily-report"), ("RECOVERED", "daily-report")]
    assert re.search(r"Done\. The miss was told \d+\.\d s after", demo.stdout)
    assert "a doubt" not in demo.stderr
    assert "\033" not in demo.stdout + demo.stderr
