"""Asks PyPI for known vulnerabilities of everything that both lock files name: part of `make check`.

One that is known ends it with 1. Where PyPI's advisories cannot be had (no network, or a mirror that has none), it says
so in capitals and lets the rest of the check go on; with AUDIT=strict, as a release should have it, that is an end too.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
LOCKS = ("requirements.lock", "infra/requirements.txt")
ACCEPTED: dict[str, str] = {}
"""Advisories that do not concern us: id and reason."""
KNOWN = "PyYAML==5.3"
"""Vulnerable (CVE-2020-14343): whoever says nothing of it has no advisories to look in."""
SECONDS, PROBE = 300, 60
"""For one file, and for the look whether there are advisories at all; what takes longer could not be had."""
PROGRAM = (sys.executable, "-m", "pip_audit", "--no-deps", "--disable-pip", "--progress-spinner", "off", "-f", "json")


def main() -> int:
    """Audit; the exit status."""
    strict = os.environ.get("AUDIT", "") == "strict"
    missing = unreachable()
    if missing:
        return told(f"NOT AUDITED: {', '.join(LOCKS)}: {missing}", wrong=strict)
    return max(judged(lock, *ask(ROOT / lock), strict=strict) for lock in LOCKS)


def unreachable() -> str:
    """Why advisories cannot be had, "" when they can: a release that is known to be vulnerable must be found so."""
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
        file.write(KNOWN)
        file.flush()
        report, problem = ask(Path(file.name), PROBE)
    if problem or any(each.get("vulns") for each in report):
        return problem
    return next((each["skip_reason"] for each in report if "skip_reason" in each), f"nothing is known of {KNOWN}")


def ask(lock: Path, seconds: int = SECONDS) -> tuple[list[dict], str]:
    """What pip-audit says of each package, and why it says nothing."""
    ignored = [part for name in ACCEPTED for part in ("--ignore-vuln", name)]
    try:
        done = subprocess.run(
            [*PROGRAM, *ignored, "-r", lock], capture_output=True, text=True, timeout=seconds, check=False
        )
        return json.loads(done.stdout)["dependencies"], ""
    except subprocess.TimeoutExpired:
        return [], f"no answer within {seconds} s"
    except (ValueError, KeyError, TypeError):
        return [], (done.stderr.strip().splitlines() or ["pip-audit said nothing"])[-1]


def judged(lock: str, report: list[dict], problem: str, *, strict: bool) -> int:
    """Say what is known of one file; the exit status."""
    found = [(each, flaw) for each in report for flaw in each.get("vulns", ())]
    for each, flaw in found:
        remedy = f"mended in {', '.join(flaw['fix_versions'])}" if flaw["fix_versions"] else "not mended yet"
        told(f"VULNERABLE: {lock}: {each['name']} {each['version']}: {flaw['id']}, {remedy}", wrong=True)
    skipped = [each for each in report if "skip_reason" in each]
    if problem or skipped or not report:
        names = ", ".join(each["name"] for each in skipped)
        why = problem or (f"{names}: {skipped[0]['skip_reason']}" if skipped else "no package in it")
        return max(bool(found), told(f"NOT AUDITED: {lock}: {why}", wrong=strict))
    return max(bool(found), told(f"audited: {lock}: {len(report)} packages, {len(found)} known vulnerabilities"))


def told(text: str, *, wrong: bool = False) -> int:
    """Say it; the exit status."""
    print(text, file=sys.stderr if wrong else sys.stdout, flush=True)
    return int(wrong)


if __name__ == "__main__":
    sys.exit(main())
