"""The jobs file of a build, applied once, by one checker, however many of them start at the same time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from heartbeat.errors import NotAgreed
from heartbeat.model import MINUTE
from heartbeat.telemetry import Happened
from heartbeat.verbs import channel_state, documents, ping_keys
from heartbeat.verbs.agreed import apply_agreed
from heartbeat.verbs.illness import fall_ill, get_well
from heartbeat.verbs.kept_file import JOBS_FILE

if TYPE_CHECKING:
    from heartbeat.config import Config
    from heartbeat.store.protocol import Store
    from heartbeat.telemetry import Log

APPLIED = "applied"
"""Document: for each owner of jobs, the digest that was applied, or until when somebody is applying one."""
CLAIM = 3 * MINUTE
"""Longer than a call of the checker may take. One that is ended in the middle leaves the rest to the next."""


class Rollout:
    """config: the compiled jobs file of this build."""

    def __init__(self, store: Store, config: Config, log: Log) -> None:
        self._store, self._config, self._log = store, config, log
        self._done = False

    def step(self, now: int) -> None:
        """Apply the file, unless that has been done or is being done. The next one takes up what was left half done."""
        if self._done:
            return
        name, digest = self._config.name, self._config.digest
        before = self._store.document(APPLIED)
        known: dict[str, Any] = dict(before.value) if isinstance(before.value, dict) else {}
        held = known.get(name, {})
        claim = {**held, "until": now + CLAIM}
        if held.get("digest") == digest:
            self._done = True
            get_well(self._store, JOBS_FILE, now, self._config.service)
        elif held.get("until", 0) <= now and documents.keep(self._store, before, {**known, name: claim}):
            try:
                self._apply(now)
            except NotAgreed as problem:  # asked again when the claim has run out: somebody may agree meanwhile
                self._log.tell(Happened.CONFIG_BROKEN, says=problem)
                fall_ill(self._store, JOBS_FILE, problem.brief, now, self._config.service)
                return
            done = {name: {"digest": digest}}
            documents.edit(self._store, APPLIED, lambda value: {**(value or {}), **done}, "others kept applying theirs")
            self._done = True
            get_well(self._store, JOBS_FILE, now, self._config.service)

    def _apply(self, now: int) -> None:
        done = apply_agreed(self._store, self._config, now)
        counts = {"added": len(done.added), "changed": len(done.changed), "removed": len(done.removed)}
        channel_state.forget(self._store, self._config.channels, now, self._config.service)
        ping_keys.first(self._store)  # whoever deployed may look for it before anybody pings
        jobs = len(self._config.jobs)
        self._log.tell(Happened.CONFIG_APPLIED, owner=self._config.name, jobs=jobs, **counts)
