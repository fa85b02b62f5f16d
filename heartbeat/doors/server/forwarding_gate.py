"""The HTTP process's gate: passes what may come in to the core, which answers later."""

from __future__ import annotations

from typing import TYPE_CHECKING

from heartbeat.doors.http.outcome import PingOutcome
from heartbeat.doors.http.ping_gate import ANSWERS, Gate, HttpAnswer, worded

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from heartbeat.doors.server.core_link import Link, PendingPing
    from heartbeat.ingest.ping import Ping


class ForwardingGate(Gate):
    """The gate of the server's HTTP process, which passes pings to the core. Called only on the event loop."""

    def __init__(self, keys: Sequence[str], link: Link, now: Callable[[], int]) -> None:
        super().__init__(keys, now)
        self._link = link

    def take(self, letter: PendingPing, path: bytes, query: bytes, ident: bytes, body: bytes) -> HttpAnswer | None:
        """An immediate answer, or None: then `letter.done()` is called later, and `answer(letter)` gives the answer."""
        ping = self.read(path, query, ident, body)
        if isinstance(ping, HttpAnswer):
            return ping
        return None if self.hand_on(letter, ping) else ANSWERS[PingOutcome.BUSY]

    def hand_on(self, letter: PendingPing, ping: Ping) -> bool:
        """False when too many wait."""
        return self._link.take(letter, ping)

    def answer(self, letter: PendingPing) -> HttpAnswer:
        """The answer to a ping whose outcome is certain."""
        return worded(letter.outcome, letter.nearest)
