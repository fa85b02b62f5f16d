"""What the verbs need of a store. The docstrings are the contract; one suite runs it on every store.

All reads are strongly consistent. All instants are milliseconds since the epoch. A store has no product rules:
it keeps what the core decided, and refuses decisions based on an old version.
Any method may raise `StoreUnavailable` (try again) or `StoreCorrupt`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from heartbeat.model import Change, Commit, Delivery, Document, Due, Entry, Job, Mark, Snapshot

HISTORY_READ = 500
"""Entries that are read at most to find those of one slot: the verdict of a slot so old is not looked up any more."""
OLDER_MAX = 32
"""Entries in a row from before an instant after which none from after it is expected."""


class Store(Protocol):
    """Jobs with their state and history, the outbox, the due index, and a few small documents."""

    def load(self, slugs: Sequence[str]) -> dict[str, Snapshot]:
        """The jobs with these names, each read whole at one version; unknown names are left out."""

    def left(self, slugs: Sequence[str]) -> dict[str, Snapshot]:
        """What removed jobs with these names left behind, each as it was on removal (due: NEVER).

        Kept at least a week longer than history, but only until another job of that name is made.
        """

    def page(self, after: str, limit: int) -> list[Snapshot]:
        """Up to `limit` jobs whose slug sorts after `after` ("" for the first page), by slug. Empty: no more."""

    def declared(self, source: str, slugs: Sequence[str]) -> dict[str, Job]:
        """The definitions, by slug, of this owner's jobs and of those with these names. It may return others, too."""

    def slug_of(self, uuid: str) -> str | None:
        """The slug of the job with this uuid (lower case, with dashes), or None."""

    def names(self, after: str, limit: int) -> list[str]:
        """Up to `limit` slugs that sort after `after`, sorted: a page without the jobs themselves."""

    def due(self, since: Mark, now: int, limit: int) -> Due:
        """Up to `limit` slugs with a due row at or before `now`, earliest first, each once.

        `since`: everything due before it has been looked at; a store may use it to read less. It may return rows that
        are outdated, and may stop before the limit; `more` means there is more to read from `reached` on.
        """

    def commit(self, changes: Sequence[Change]) -> list[Commit]:
        """Each change whole or not at all, in order; one answer per change, durable when this returns.

        STALE: the job's version is not `expected` (0: no job of that slug may exist; a change without a slug has no
        job to compare), or a delivery or document is not at its version - 1; nothing of that change is kept, the
        others are not touched by it, but that changes of its job behind it are STALE too: they were decided on what it
        would have left. Entries are only ever added. `alerts` and `more` are not the store's business.
        `remove` deletes job and due row and leaves the history to its retention; `state` and the definition are kept
        for `left`. A job keeps its uuid for ever: `uuid` counts only in the change that makes it.
        """

    def history(self, slug: str, limit: int, slot: int | None = None, since: int | None = None) -> list[Entry]:
        """Up to `limit` of a job's latest entries, newest first (by n); with `slot`, only those of that slot.

        With `slot`, HISTORY_READ entries are read at most. With `since`, none after OLDER_MAX in a row that came in
        before that instant: one alone proves nothing, for what the clock finds is dated when it became true.
        """

    def outbox(self, now: int, limit: int) -> list[Delivery]:
        """Up to `limit` deliveries with next_at <= now, by next_at."""

    def deliveries(self, incident: str) -> list[Delivery]:
        """All deliveries whose alert is of this incident, oldest first."""

    def document(self, name: str) -> Document:
        """The document of this name; version 0 and value None when it has never been written."""

    def purge(self, before: int, limit: int) -> int:
        """Forget up to `limit` entries and finished deliveries older than `before`; returns how many went.

        What jobs left that were removed more than a week before that goes too.

        A store that expires rows by itself (a TTL) does nothing and returns 0.
        """

    def close(self) -> None:
        """Release files and connections. Closing twice is harmless."""
