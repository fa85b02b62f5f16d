"""Pings by function URL: one request, one conditional write, one answer."""

from __future__ import annotations

from contextlib import suppress
from itertools import islice
from typing import TYPE_CHECKING, Any

from heartbeat.doors.http.group_commit import StoreRecords, Writer
from heartbeat.doors.http.ping_gate import NO_PING, Gate, PingAnswer, worded
from heartbeat.doors.lambdas import function_url
from heartbeat.errors import WorldError
from heartbeat.model import MINUTE, NEVER, SECOND
from heartbeat.telemetry import Happened
from heartbeat.verbs import ping_keys
from heartbeat.verbs.jobs import NAMES_MAX, names
from heartbeat.verbs.unknown_pings import Strays

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from heartbeat.doors.lambdas.journal import Journal
    from heartbeat.ingest import ping as ingest
    from heartbeat.store.protocol import Store
    from heartbeat.verbs.ping_keys import PingKeys

NAMES_EVERY = 5 * MINUTE
KEYS_EVERY = 10 * MINUTE
UNKNOWN_EVERY = 5 * SECOND
"""Whoever comes with wrong keys costs one look in this time, and not one each."""


class Pings:
    """Answers function URL events.

    keys: ping keys, none: those kept in the table; jobs: the compiled jobs file; now: milliseconds.
    """

    def __init__(self, store: Store, keys: Sequence[str], jobs: Path, journal: Journal, now: Callable[[], int]) -> None:
        self._store, self._journal = store, journal
        self._gate = _given(store, keys, now) if keys else TableGate(store, now)
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


def _given(store: Store, keys: Sequence[str], now: Callable[[], int]) -> Gate:
    with suppress(WorldError):  # it is for those who would rotate them: pings are taken without it
        ping_keys.note_given(store, len(keys))
    return Gate(keys, now)


class TableGate(Gate):
    """Knows the keys that are kept in the table.

    They are read again with the first ping after KEYS_EVERY, when one of them ends, and when somebody comes with
    another: it may be a new one.
    """

    def __init__(self, store: Store, now: Callable[[], int]) -> None:
        self._store = store
        super().__init__((), now)
        kept = self._learn(now())
        if kept.given:
            ping_keys.note_given(store, 0)
        if not kept.newest:
            ping_keys.first(store)
            self._learn(now())

    def read(self, path: bytes, query: bytes, ident: bytes, body: bytes) -> ingest.Ping | PingAnswer:
        """See Gate."""
        now = self.now()
        if now >= min(self._ends, self._read_at + KEYS_EVERY):
            self._learn(now)
        return super().read(path, query, ident, body)

    def is_key(self, given: bytes) -> bool:
        """See Gate."""
        if super().is_key(given):
            return True
        now = self.now()
        if now < self._read_at + UNKNOWN_EVERY:
            return False
        self._learn(now)
        return super().is_key(given)

    def _learn(self, now: int) -> PingKeys:
        kept = ping_keys.read(self._store, now)
        self._read_at, self._ends = now, kept.next_end or NEVER
        self.rekey(kept.valid)
        return kept


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
