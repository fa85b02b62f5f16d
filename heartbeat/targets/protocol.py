"""What a trigger's target is. The docstrings are the contract."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True, slots=True, kw_only=True)
class StartCall:
    """One call.

    run_id: the same in every call for one run; slot: milliseconds, None for a run without a slot; timezone: the
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
    """The target accepted it. text: its answer, for people; ok: how the run ended, None when that comes later.

    output: what the run left in the answer.
    """

    text: str
    ok: bool | None = None
    output: str = ""


class Target(Protocol):
    """Where runs are started. Thread-safe."""

    @property
    def timeout(self) -> int:
        """The longest that one call may take, in milliseconds."""

    @property
    def repeatable(self) -> int:
        """Milliseconds after the first call for a run in which a second one starts nothing. 0: it starts another."""

    def start(self, call: StartCall, sent: Callable[[], None]) -> TargetAnswer:
        """Start a run. Raises StartFailed, which says whether it may have started anyway.

        A target whose answer is the run's end calls `sent` once the work has begun, before it waits.
        """
