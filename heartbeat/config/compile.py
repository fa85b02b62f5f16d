"""`python -m heartbeat.config.compile jobs.yaml jobs.json`: compile a file, or say everything that is wrong with it."""

from __future__ import annotations

import sys
from pathlib import Path

from heartbeat.config.declared import compiled
from heartbeat.config.reader import read_file
from heartbeat.errors import BadConfig


def main(source: str, target: str) -> int:
    """Compile one file into another; answers the exit status."""
    try:
        config = read_file(source)
    except BadConfig as bad:
        sys.stderr.writelines(f"{problem}\n" for problem in bad.problems)
        return 2
    sys.stderr.writelines(f"warning: {warning}\n" for warning in config.warnings)
    Path(target).write_bytes(compiled(config))
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
