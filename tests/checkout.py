"""The project as somebody has it who has just cloned it."""

import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[1]


def tracked():
    """The project's files as they are here, new ones included."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    found = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return [path for name in found.stdout.splitlines() if (path := ROOT / name).is_file()]


def checkout(folder):
    """They in a folder of their own."""
    for path in tracked():
        place = folder / path.relative_to(ROOT)
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(path, place)
    return folder
