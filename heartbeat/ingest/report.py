"""What a JSON evidence object says about its run. Whatever is wrong with it, it proves that something ran.

{"status": "success", "exit_status": 0, "duration": 12.5, "run_id": "…", "metrics": {"rows": 3}, "message": "3 rows"}
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any
from uuid import UUID

from msgspec.structs import replace

from heartbeat.model import BODY_MAX, SECOND, Kind
from heartbeat.text.sanitize import cut, sound

if TYPE_CHECKING:
    from collections.abc import Callable

    from heartbeat.model import Signal

METRICS_MAX, METRIC_MAX = 20, 100
"""Number of metrics, and characters of a metric's name."""
NUMBER_MAX = 1e15
_FAILED = frozenset({"fail", "failed", "failure", "error"})
_SUCCEEDED = frozenset({"success", "succeeded", "ok"})
_STARTED = frozenset({"started", "start", "running"})
_EXIT_STATUS_MAX = 255
_SIGNALLED = 128


def told(signal: Signal, value: object) -> Signal:
    """The signal with what a JSON value says; anything but an object says nothing."""
    return _said(signal, value) if isinstance(value, dict) else signal


def _said(signal: Signal, value: dict[str, Any]) -> Signal:
    odd: list[str] = []
    exit_status = _number(value, "exit_status", odd)
    status = _shown(value.get("status", "success")).lower()
    if status not in _FAILED | _SUCCEEDED | _STARTED:
        odd.append(f"status {_shown(value['status'], repr)[:60]} is neither success, fail nor started")
    duration = _number(value, "duration", odd)
    message = value.get("message")
    return replace(
        signal,
        kind=_kind(status, exit_status),
        run_id=_run_id(value, odd),
        exit_status=None if exit_status is None else _exit_status(exit_status),
        duration=None if duration is None or duration < 0 else round(duration * SECOND),
        metrics=_metrics(value, odd),
        body=cut("\n".join([*([_shown(message)] if message else []), *odd]), BODY_MAX),
    )


def _kind(status: str, exit_status: float | None) -> Kind:
    if status in _FAILED or exit_status:
        return Kind.FAIL
    return Kind.START if status in _STARTED and exit_status is None else Kind.SUCCESS


def _run_id(value: dict[str, Any], odd: list[str]) -> str:
    found = value.get("run_id")
    if found is None:
        return ""
    try:
        return str(UUID(found))
    except (ValueError, TypeError, AttributeError):
        odd.append(f"run_id {_shown(found)[:40]!r} is no uuid")
        return ""


def _number(value: dict[str, Any], name: str, odd: list[str]) -> float | None:
    found = value.get(name)
    if found is None:
        return None
    if isinstance(found, int | float) and not isinstance(found, bool) and abs(found) <= NUMBER_MAX:
        return found
    odd.append(f"{name} {_shown(found)[:40]!r} is no number that can be used")
    return None


def _shown(value: object, how: Callable[[object], str] = str) -> str:
    try:
        return how(value)
    except RecursionError:
        return "values within values without end"


def _exit_status(number: float) -> int:
    """As a shell reports it: a process killed by a signal (-9) has 137."""
    whole = math.ceil(abs(number))
    return min(whole + _SIGNALLED if number < 0 else whole, _EXIT_STATUS_MAX)


def _metrics(value: dict[str, Any], odd: list[str]) -> tuple[tuple[str, float], ...]:
    given = value.get("metrics") or {}
    if not isinstance(given, dict):
        odd.append("metrics is no mapping of names to numbers")
        return ()
    numbers = ((str(name), _number(given, name, odd)) for name in list(given)[:METRICS_MAX])
    return tuple((sound(name[:METRIC_MAX]), float(number)) for name, number in numbers if number is not None)
