"""Every alarm of the stack has its line in docs/operating.md, and the page names no other."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_what_to_do_is_written_for_every_alarm():
    template = (ROOT / "infra" / "template.yaml").read_text()
    alarms = re.findall(r"AlarmName: !Sub \"\$\{AWS::StackName\}-([a-z-]+)\"", template)
    page = (ROOT / "docs" / "operating.md").read_text()
    section = page.partition("\n## Alarms of the stack\n")[2].partition("\n## ")[0]
    cells = [line.split("|")[1] for line in section.splitlines() if line.startswith("| `")]
    no_trouble = [line.partition(" (")[0] for line in section.splitlines() if line.startswith("`work-")]
    named = re.findall(r"`([a-z-]+)`", " ".join([*cells, *no_trouble]))
    assert sorted(named) == sorted(alarms)
    assert len(alarms) == 21
