"""What a success must show to count as one: `min_runtime`, the evidence's size and type, bounds of metrics."""

from __future__ import annotations

from typing import TYPE_CHECKING

from heartbeat.model import Reason

if TYPE_CHECKING:
    from heartbeat.model import Job, Run, Signal


def shortfall(job: Job, signal: Signal, run: Run | None) -> tuple[Reason, str] | None:
    """Why a success does not count ("finished, but did nothing"); None when nothing is wrong with it."""
    duration = signal.duration if signal.duration is not None or run is None else signal.at - run.started_at
    if job.min_runtime is not None and duration is not None and duration < job.min_runtime:
        return Reason.TOO_SHORT, f"ran {duration / 1000:g} s; min_runtime is {job.min_runtime / 1000:g} s"
    wrong = _evidence_shortfall(job, signal) or _metric_shortfall(job, signal)
    return (Reason.ASSERTION, wrong) if wrong else None


def _evidence_shortfall(job: Job, signal: Signal) -> str:
    want = job.evidence
    if want is None or signal.size is None:
        return ""
    if signal.size < want.min_size:
        return f"the evidence has {signal.size} bytes; min_size is {want.min_size}"
    if want.content_type and signal.content_type != want.content_type:
        return f"the evidence is {signal.content_type or 'of no type'}; content_type is {want.content_type}"
    return ""


def _metric_shortfall(job: Job, signal: Signal) -> str:
    metrics = dict(signal.metrics)
    for bound in job.bounds:
        value = metrics.get(bound.metric)
        if value is None:
            return f"no metric {bound.metric!r} was reported"
        if (bound.low is not None and value < bound.low) or (bound.high is not None and value > bound.high):
            return f"{bound.metric} is {value:g}; it must be {_words(bound.low, bound.high)}"
    return ""


def _words(low: float | None, high: float | None) -> str:
    if low is not None and high is not None:
        return f"from {low:g} to {high:g}"
    return f"at least {low:g}" if low is not None else f"at most {high:g}"
