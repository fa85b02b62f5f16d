"""Which cron it is, and by which rules it reads a crontab: one row for each cron.

Debian's: cron(8) and crontab(5) of cron 3.0pl1. Cronie's: crontab(5), and what its entry.c and database.c take.
"""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Flavour:
    """A cron's rules.

    cron_tz: whether CRON_TZ moves the times, None if unknown; command_max: bytes of a command; dash: a `-` before the
    time keeps the run out of the log; random_delay: RANDOM_DELAY=MINUTES may make runs that late;
    unended: what becomes of a last line without an end; passes_over: names of files in a folder that are not read.
    """

    name: str
    cron_tz: bool | None
    command_max: int
    dash: bool
    random_delay: bool
    unended: str
    passes_over: re.Pattern[str]

    def reads(self, name: str) -> bool:
        """Whether a file of this name in /etc/cron.d is read."""
        return not self.passes_over.search(name)


_ODD_NAME = re.compile(r"[^A-Za-z0-9_-]")
DEBIAN = Flavour(
    name="Debian's cron",
    cron_tz=False,
    command_max=998,
    dash=False,
    random_delay=False,
    unended="Debian's cron refuses such a file",
    passes_over=_ODD_NAME,
)
CRONIE = Flavour(
    name="cronie",
    cron_tz=True,
    command_max=131_000,
    dash=True,
    random_delay=True,
    unended="cronie does not run it",
    passes_over=re.compile(r"^[.#]|~$|\.rpm(?:save|orig|new)$"),
)
OTHER = Flavour(
    name="a cron that knows CRON_TZ",
    cron_tz=True,
    command_max=998,
    dash=True,
    random_delay=False,
    unended="some crons refuse such a file",
    passes_over=_ODD_NAME,
)
UNKNOWN = Flavour(
    name="this cron",
    cron_tz=None,
    command_max=998,
    dash=True,
    random_delay=False,
    unended="Debian's cron refuses such a file",
    passes_over=_ODD_NAME,
)
BY_NAME = {"debian": DEBIAN, "cronie": CRONIE}
"""As `--cron` names them."""


def flavour_of(program: bytes) -> Flavour:
    """By the words in the program of a cron."""
    if b"CRON_TZ" not in program:
        return DEBIAN
    return CRONIE if b"RANDOM_DELAY" in program else OTHER
