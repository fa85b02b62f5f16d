"""What the languages' own checkers say of the files that people copy."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

CLIENTS = Path(__file__).parents[2] / "clients"
CHECKS = {
    "php -l php/Heartbeat.php": "No syntax errors detected in php/Heartbeat.php\n",
    "ruby -wc ruby/heartbeat.rb": "Syntax OK\n",
    "dash -n shell/heartbeat.sh": "",
    "bash -n shell/heartbeat.sh": "",
    "shellcheck -s sh shell/heartbeat.sh": "",
    "shellcheck -s bash shell/heartbeat.sh": "",
}
NEW_IN_PHP_8 = (
    r"\bmatch ?\(|\?->|\bstr_(?:contains|starts_with|ends_with)\b|\bget_debug_type\b|: mixed\b|\breadonly\b|\benum "
)
NEW_IN_RUBY_3 = r"=> \{ ?\w+:|\bData\.define\b|\bdef \w+(?:\([^)]*\))? = |\bexcept\(|\bit\b\."


@pytest.mark.parametrize("command", CHECKS)
def test_a_checker_has_nothing_to_say(command):
    assert shutil.which(command.split()[0]), f"there is no {command.split()[0]}"
    done = subprocess.run(command.split(), cwd=CLIENTS, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, CHECKS[command], "")


def test_mypy_strict_has_nothing_to_say_of_the_copied_file():
    mypy = [sys.executable, "-m", "mypy", "--strict", "--config-file=", "--cache-dir=/dev/null", "python/heartbeat.py"]
    done = subprocess.run(mypy, cwd=CLIENTS, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "Success: no issues found in 1 source file\n")


@pytest.mark.parametrize(
    ("file", "newer"), [("php/Heartbeat.php", NEW_IN_PHP_8), ("ruby/heartbeat.rb", NEW_IN_RUBY_3)], ids=["php", "ruby"]
)
def test_nothing_is_used_that_older_versions_lack(file, newer):
    """Those versions are not here to be run; these are the words that are most easily written by mistake."""
    code = "\n".join(line for line in (CLIENTS / file).read_text().splitlines() if line.lstrip()[:1] not in "#*/")
    assert re.findall(newer, code) == []
