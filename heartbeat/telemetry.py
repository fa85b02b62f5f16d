"""What the service says about itself: every event and its wording in one place, one line each, never a secret."""

from __future__ import annotations

import json
import sys
import threading
from collections import Counter
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Self, TextIO

from heartbeat.distribution import NAME

if TYPE_CHECKING:
    from collections.abc import Callable


class Level(StrEnum):
    """How loud an event is."""

    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class Happened(StrEnum):
    """What can happen: its name in log lines, how loud it is, and its words."""

    level: Level
    words: str

    def __new__(cls, name: str, level: Level, words: str) -> Self:
        """Each member is a row of three."""
        made = str.__new__(cls, name)
        made._value_, made.level, made.words = name, level, words
        return made

    STARTED = "started", Level.INFO, "serving"
    STOPPED = "stopped", Level.INFO, "stopped; everything that was answered is in the database"
    CONFIG_APPLIED = "config_applied", Level.INFO, "the configuration was applied"
    CONFIG_DOUBT = "config_doubt", Level.WARNING, "the configuration was applied, with a doubt"
    CONFIG_BROKEN = (
        "config_broken",
        Level.WARNING,
        "the configuration cannot be used; the definitions before it stay in force",
    )
    SWEPT = "swept", Level.INFO, "the clock found something"
    CLOCK_SET = "clock_set", Level.WARNING, "this machine's clock was set; deadlines are taken from the new time"
    DELIVERED = "delivered", Level.INFO, "alerts were delivered or tried"
    STRAY = "stray", Level.WARNING, "a ping for a job that does not exist"
    TOLD = "told", Level.INFO, "a message was sent to try a channel"
    REFUSED = "refused", Level.WARNING, "a request was refused"
    EVENT_ODD = "event_odd", Level.WARNING, "an event could not be read whole"
    MESSAGE_KEPT = "message_kept", Level.ERROR, "a message could not be recorded; it stays in its queue and comes again"
    CHANNEL_BROKEN = "channel_broken", Level.ERROR, "a channel cannot be used; its messages wait until it can"
    RUN_STARTED = "run_started", Level.INFO, "a run was started"
    RUN_NOT_STARTED = "run_not_started", Level.WARNING, "a run was not started"
    SCRUBBED = "scrubbed", Level.INFO, "every job was looked at; due rows that were not in their place were written"
    WATCHDOG = "watchdog", Level.ERROR, "the watchdog URL did not take our heartbeat"
    STORE_AWAY = "store_away", Level.ERROR, "the database does not answer; pings get 503 until it does"
    STORE_BACK = "store_back", Level.INFO, "the database answers again"
    KEYS_CHANGED = "keys_changed", Level.INFO, "the ping keys are others than before"
    STORE_TIGHTENED = (
        "store_tightened",
        Level.WARNING,
        "others could read the database; now only its owner can (mode 0600)",
    )
    PLAIN_DOOR = "plain_door", Level.WARNING, "pings take the plain ASGI door, which is slower"
    HTTP = "http", Level.WARNING, "the HTTP server says"
    FRONT_ENDED = "front_ended", Level.ERROR, "the HTTP process ended; another one takes over"
    HINDERED = "hindered", Level.ERROR, "something is in the way; it is tried again every second"
    CRASHED = "crashed", Level.ERROR, "an unexpected error; the work goes on"


FACT_MAX = 500
"""Maximum characters of one fact in a line."""


def our_version() -> str:
    """The version of this package."""
    from importlib.metadata import PackageNotFoundError, version  # noqa: PLC0415 - 20 ms, and few ask

    try:
        return version(NAME)
    except PackageNotFoundError:  # run from a checkout
        return "0+unknown"


class Log:
    """Writes events as lines, `text` for people or `json` for machines, and counts them. clock: epoch seconds."""

    def __init__(self, clock: Callable[[], float], style: str = "text", stream: TextIO | None = None) -> None:
        self._line = _as_json if style == "json" else _as_text
        self._stream = stream
        self._clock = clock
        self._lock = threading.Lock()
        self.counts: Counter[Happened] = Counter()

    def tell(self, what: Happened, **facts: object) -> None:
        """Say that something happened. Facts that are None are left out."""
        at = datetime.fromtimestamp(self._clock(), UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        line = self._line(at, what, {name: printable(fact) for name, fact in facts.items() if fact is not None})
        with self._lock:
            self.counts[what] += 1
            print(line, file=self._stream or sys.stderr, flush=True)

    def crash(self, where: str, problem: BaseException) -> None:
        """Report something that should not happen: where in the code, without the values involved."""
        self.tell(Happened.CRASHED, where=where, error=f"{type(problem).__name__}: {problem}", at=_place(problem))


def _as_text(at: str, what: Happened, facts: dict[str, object]) -> str:
    told = " ".join(f"{name}={_quoted(fact)}" for name, fact in facts.items())
    return f"{at} {what.level:<7} {what.words}" + (f" ({told})" if told else "")


def _as_json(at: str, what: Happened, facts: dict[str, object]) -> str:
    return json.dumps(
        {"time": at, "level": what.level, "event": what, "message": what.words, **facts}, ensure_ascii=False
    )


def printable(fact: object) -> object:
    """A fact as it may appear in a line: bounded in length, without anything that could forge another line."""
    if isinstance(fact, bool | int | float):
        return fact
    text = str(fact)[:FACT_MAX]
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


def _quoted(fact: object) -> str:
    text = str(fact)
    return json.dumps(text, ensure_ascii=False) if set(text) & set(' "=') else text


def _place(problem: BaseException) -> str:
    frames = []
    trace = problem.__traceback__
    while trace is not None:
        frames.append(f"{trace.tb_frame.f_code.co_filename.rpartition('/')[2]}:{trace.tb_lineno}")
        trace = trace.tb_next
    return " > ".join(frames[-4:])
