"""What a function says about itself: log lines and metrics, both by powertools, which is loaded on first use.

A successful ping says nothing, so its cold start need not pay for that.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from heartbeat.telemetry import Happened, Level, Log, printable

if TYPE_CHECKING:
    from collections.abc import Callable

NAMESPACE = "Heartbeat"
LEVELS = {Level.INFO: 20, Level.WARNING: 30, Level.ERROR: 40}
"""The standard library's logging levels."""


class Journal(Log):
    """The log of one function. stack: names lines and metrics; clock: epoch seconds."""

    def __init__(self, stack: str, clock: Callable[[], float]) -> None:
        super().__init__(clock, "json")
        self._stack = stack
        self._counted = False

    @cached_property
    def _logger(self) -> Any:  # noqa: ANN401 - powertools is loaded with the first word
        from aws_lambda_powertools import Logger  # noqa: PLC0415 - the same

        return Logger(service=self._stack)

    @cached_property
    def _metrics(self) -> Any:  # noqa: ANN401 - the same
        from aws_lambda_powertools.metrics import EphemeralMetrics  # noqa: PLC0415 - the same

        return EphemeralMetrics(namespace=NAMESPACE, service=self._stack)

    def tell(self, what: Happened, **facts: object) -> None:
        """See Log.tell."""
        told = {name: printable(fact) for name, fact in facts.items() if fact is not None}
        self.counts[what] += 1
        extra = {"event": str(what), **{_safe(name): told[name] for name in told}}
        self._logger.log(LEVELS[what.level], what.words, extra=extra)

    def count(self, **numbers: float) -> None:
        """Count something; `flush` writes it. Names are as CloudWatch shows them: `Judged`, `SweepAge`.

        Zeros are left out, because CloudWatch charges for each hour in which a metric has a value.
        """
        for name, number in numbers.items():
            if number:
                self._metrics.add_metric(name=name, unit="Seconds" if name.endswith("Age") else "Count", value=number)
                self._counted = True

    def flush(self) -> None:
        """Write the metrics of this call."""
        if self._counted:
            self._metrics.flush_metrics()
        self._counted = False


def _safe(name: str) -> str:
    # Facts cannot use names that logging reserves.
    return f"{name}_" if name in {"name", "args", "module", "message", "msg", "level"} else name
