"""Pings by function URL: one request, one conditional write, one answer."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any

from heartbeat.doors.http.group_commit import StoreRecords, Writer
from heartbeat.doors.http.ping_gate import NO_PING, Gate, PingAnswer, worded
from heartbeat.doors.lambdas import function_url
from heartbeat.model import MINUTE
from heartbeat.telemetry import Happened
from heartbeat.verbs.jobs import NAMES_MAX, names
from heartbeat.verbs.unknown_pings import Strays

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from heartbeat.doors.lambdas.journal import Journal
    from heartbeat.store.protocol import Store

NAMES_EVERY = 5 * MINUTE


class Pings:
    """Answers function URL events. keys: ping keys; jobs: the compiled jobs file; now: milliseconds."""

    def __init__(self, store: Store, keys: Sequence[str], jobs: Path, journal: Journal, now: Callable[[], int]) -> None:
        self._store, self._journal = store, journal
        self._gate = Gate(keys, now)
        self._strays = TableStrays(store, journal, now)
        self._writer = Writer(StoreRecords(store, lambda: _service(jobs)), self._strays, journal)

    def answer(self, event: Mapping[str, Any]) -> dict[str, Any]:
        """The response to one event."""
        request = function_url.read(event)
        answer = self._answer(request)
        if answer.status >= 400:  # noqa: PLR2004 - HTTP's errors begin there
            self._journal.tell(Happened.REFUSED, status=answer.status, method=request.method)
            self._journal.count(RefusedPings=1)
            self._journal.flush()
        return function_url.written(answer, request.method)

    def _answer(self, request: function_url.UrlRequest) -> PingAnswer:
        if not request.path.startswith(("/ping/", "//ping/")):
            return self._compat(request)
        if request.method == "OPTIONS":
            return NO_PING
        ident = request.headers.get("heartbeat-id", "").encode("latin-1", "replace")
        ping = self._gate.read(request.path.encode(), request.query.encode(), ident, request.body)
        if isinstance(ping, PingAnswer):
            return ping
        outcome, nearest = self._writer.write([ping])[0]
        self._strays.flush(self._store)
        return worded(outcome, nearest)

    def _compat(self, request: function_url.UrlRequest) -> PingAnswer:
        from heartbeat.doors.http import compat  # noqa: PLC0415 - our own pings need not load it

        call = compat.read(self._gate, request.path.encode(), request.query.encode(), request.headers, request.body)
        if isinstance(call, PingAnswer):
            return call
        replies = self._writer.write(call.pings)
        self._strays.flush(self._store)
        return call.answer(replies)


def _service(jobs: Path) -> Sequence[str]:
    from heartbeat.config.declared import load  # noqa: PLC0415 - a usual ping need not load it

    return load(jobs).service


class TableStrays(Strays):
    """Reads the existing names only once there is a stray."""

    def __init__(self, store: Store, journal: Journal, now: Callable[[], int]) -> None:
        super().__init__(journal)
        self._store, self._now, self._names_at = store, now, 0

    def count(self, slug: str, now: int) -> str:
        """See Strays.count."""
        if now >= self._names_at:
            self.learn(islice(names(self._store), NAMES_MAX))
            self._names_at = now + NAMES_EVERY
        return super().count(slug, now)
