"""The gate of the HTTP process: what may come in is handed on to the core, which answers later."""

from __future__ import annotations

from typing import TYPE_CHECKING

from heartbeat.doors.http.outcome import Outcome
from heartbeat.doors.http.ping_gate import ANSWERS, Answer, Gate, worded

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from heartbeat.doors.server.core_link import Letter, Link
    from heartbeat.ingest.ping import Ping


class ForwardingGate(Gate):
    """The gate of the server's HTTP process, which hands pings on to the core. Called on the event loop only."""

    def __init__(self, keys: Sequence[str], link: Link, now: Callable[[], int]) -> None:
        super().__init__(keys, now)
        self._link = link

    def take(self, letter: Letter, path: bytes, query: bytes, ident: bytes, body: bytes) -> Answer | None:
        """Answer at once, or None: then `letter.done()` is called later, and `answer(letter)` words it."""
        ping = self.read(path, query, ident, body)
        if isinstance(ping, Answer):
            return ping
        return None if self.hand_on(letter, ping) else ANSWERS[Outcome.BUSY]

    def hand_on(self, letter: Letter, ping: Ping) -> bool:
        """False when too many wait."""
        return self._link.take(letter, ping)

    def answer(self, letter: Letter) -> Answer:
        """The answer to a letter whose outcome is certain."""
        return worded(letter.outcome, letter.nearest)
