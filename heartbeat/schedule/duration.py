"""Durations as people write them in jobs.yaml: `90s`, `15m`, `1h30m`, `2d`, `1w`."""

from __future__ import annotations

import re

from heartbeat.errors import BadSchedule

MS = {"w": 604_800_000, "d": 86_400_000, "h": 3_600_000, "m": 60_000, "s": 1000}
_FORM = re.compile(r"(?:(\d+)w)?(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?", re.ASCII)
_LONGEST = 100 * 366 * MS["d"]
_LONGEST_TEXT = 40


def parse_duration(text: str) -> int:
    """The milliseconds of `1h30m` and the like; raises BadSchedule for anything else."""
    form = _FORM.fullmatch(text.strip()) if len(text) <= _LONGEST_TEXT else None
    if form is None or not form[0]:
        raise _refused(text, "is no duration")
    total = sum(int(count) * unit for count, unit in zip(form.groups(), MS.values(), strict=True) if count)
    if total > _LONGEST:
        raise _refused(text, "is longer than a hundred years")
    return total


def format_duration(ms: int) -> str:
    """The shortest exact text: `1h30m`, `2d`, `0s`; parts of a second as `1.5s`."""
    if ms < 0:
        return f"-{format_duration(-ms)}"
    words = []
    for unit in "dhm":
        count, ms = divmod(ms, MS[unit])
        if count:
            words.append(f"{count}{unit}")
    if ms or not words:
        words.append(f"{ms / 1000:.3f}".rstrip("0").rstrip(".") + "s")
    return "".join(words)


def _refused(text: str, problem: str) -> BadSchedule:
    return BadSchedule(
        field="duration",
        text=text[:_LONGEST_TEXT],
        problem=problem,
        remedy="write whole numbers with w, d, h, m and s in this order: 90s, 15m, 1h30m, 2d",
    )
