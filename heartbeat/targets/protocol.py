"""What a target of triggers is. The docstrings are the contract."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True, slots=True, kw_only=True)
class StartCall:
    """One call.

    run_id: the same in every call for one run; slot: milliseconds, None for a run that is for none; timezone: the
    job's, for whoever writes the slot's date; input: JSON given by hand, "" for none; attempt: from 1.
    """

    slug: str
    run_id: str
    slot: int | None
    timezone: str
    input: str = ""
    attempt: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetAnswer:
    """The target took it. text: what it answered, for people; ok: how the run ended, None when that comes later.

    output: what the run left in the answer.
    """

    text: str
    ok: bool | None = None
    output: str = ""


class Target(Protocol):
    """Where runs are started. Safe for several threads."""

    @property
    def timeout(self) -> int:
        """The longest time that one call takes, in milliseconds."""

    @property
    def repeatable(self) -> int:
        """So long (milliseconds) after the first call for a run, a second one starts nothing. 0: it would start it."""

    def start(self, call: StartCall, sent: Callable[[], None]) -> TargetAnswer:
        """Start a run. Raises StartFailed, which says whether it may have started all the same.

        A target whose answer is the run's end calls `sent` once the work has begun, before it waits.
        """
