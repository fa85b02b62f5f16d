"""Settings → the running thing."""

from __future__ import annotations

import signal
import sys
import time
from contextlib import ExitStack, closing
from dataclasses import replace
from typing import TYPE_CHECKING

from heartbeat.doors.http.group_commit import StoreRecords, Writer
from heartbeat.doors.http.watchdog import Watchdog
from heartbeat.doors.server.clock import SOON, Clock
from heartbeat.doors.server.core_process import BACKLOG, Fronts, bind, settle_in
from heartbeat.doors.server.delivery_owner import ProcessOwner
from heartbeat.doors.server.health import Health
from heartbeat.doors.server.hearing import begin
from heartbeat.doors.server.hello import hello
from heartbeat.doors.server.jobs_file import JobsFile
from heartbeat.doors.server.key_watch import KeyWatch
from heartbeat.doors.server.scheduler import Scheduler
from heartbeat.doors.server.threads import Chore
from heartbeat.doors.server.upkeep import Upkeep
from heartbeat.errors import CallerError, WorldError
from heartbeat.ingest import evidence
from heartbeat.model import SECOND
from heartbeat.store.sqlite.store import SQLiteStore
from heartbeat.targets.build import build
from heartbeat.telemetry import Happened, Log
from heartbeat.verbs.deliver import deliver
from heartbeat.verbs.rounds import tell_delivered
from heartbeat.verbs.sweep import nothing_to_see
from heartbeat.verbs.trigger import Starter
from heartbeat.verbs.unknown_pings import Strays

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from heartbeat.model import Change, Commit
    from heartbeat.settings import Settings

OUTBOX_EVERY = 1.0
"""Seconds between checks for deliveries whose next attempt is due; new ones ring a bell."""
PASS = 10 * SECOND
"""How long one pass of deliveries begins new sends."""
WATCHDOG_EVERY = 60.0
"""Seconds between two heartbeats of our own."""
STOP_SECONDS = 25.0
"""For a delivery under way when the server stops; if cut off, it is sent again after the next start."""


def serve(settings: Settings) -> int:
    """Run one server until SIGTERM or SIGINT; returns the exit status."""
    try:
        _serve(settings)
    except CallerError as problem:
        sys.stderr.write(f"heartbeat: {problem}\n")
        return 2
    except WorldError as problem:
        sys.stderr.write(f"heartbeat: {problem}\n")
        return 3
    return 0


def _serve(settings: Settings) -> None:
    with ExitStack() as cleanup:
        log = Log(time.time, settings.log)
        listener = cleanup.enter_context(bind(settings.host, settings.port))
        store = cleanup.enter_context(closing(_open(settings.db, log)))
        owner = cleanup.enter_context(closing(ProcessOwner(settings.db)))
        file = JobsFile(settings.config, store, log)
        file.begin(_now())
        keys = KeyWatch(store, settings.ping_keys, _now(), log)
        strays = Strays(log)
        writer = Writer(StoreRecords(store, lambda: file.service), strays, log)
        health = Health(log=log, writer=writer)
        hearing = begin(store, _now, settings.sweep_every)
        fronts = Fronts(replace(settings, ping_keys=keys.valid), listener, writer, health, hearing, log)
        _on_signals(fronts.stop)
        scheduler = Scheduler(store, Starter(store, build, _now), log, _now)
        upkeep = Upkeep(store, file, strays, [writer.forget_jobs, scheduler.read_again], settings.keep_days)
        # Two, so that a pass stuck on a hanging channel delays no new alerts: only one gets a delivery's claim.
        postmen = [Chore(name, lambda: _deliver(store, file, owner, log), log) for name in ("deliver", "deliver-2")]
        look = evidence.look(evidence.FolderBucket(settings.evidence)) if settings.evidence else nothing_to_see
        clock = Clock(store, file, look, health, scheduler, hearing, log, settings.sweep_every)
        ticking = [Chore("sweep", lambda: clock.step(_now), log), Chore("schedule", scheduler.step, log)]
        housekeeping = [Chore("upkeep", lambda: upkeep.step(_now()), log), Chore("report", fronts.report, log)]
        watched = Chore("watchdog", lambda: _beat(Watchdog(settings.watchdog, log), health), log)
        chores = [*ticking, *housekeeping, *postmen, watched]
        chores.append(Chore("keys", lambda: keys.step(_now(), fronts.rekey), log))
        store.postmen, health.chores = postmen, chores
        port = listener.getsockname()[1]
        listener.listen(BACKLOG)
        _say_hello(settings, store, port, keys.valid[0] if keys.fresh or sys.stdout.isatty() else "")
        log.tell(Happened.STARTED, host=settings.host, port=port, db=settings.db, door=settings.door)
        settle_in()
        for chore in chores:
            chore.start()
        try:
            fronts.run()
        finally:
            cut_off = _wind_down([*chores, scheduler])
            strays.flush(store)
            log.tell(Happened.STOPPED, cut_off=cut_off or None)


class RingingStore(SQLiteStore):
    """The store, which wakes one of those who deliver when there is somebody to tell; two would do the same work."""

    postmen: Sequence[Chore] = ()

    def commit(self, changes: Sequence[Change]) -> list[Commit]:
        """See Store.commit."""
        answers = super().commit(changes)
        if any(delivery.version == 1 for change in changes for delivery in change.deliveries):
            idle = [postman for postman in self.postmen if postman.waits]
            for postman in idle[:1] or self.postmen:
                postman.wake()
        return answers


def _open(db: Path, log: Log) -> RingingStore:
    store = RingingStore(db)
    if store.tightened:
        log.tell(Happened.STORE_TIGHTENED, db=db)
    return store


def _now() -> int:
    return time.time_ns() // 1_000_000


def _deliver(store: RingingStore, file: JobsFile, owner: ProcessOwner, log: Log) -> float:
    done = deliver(store, file.channels, _now, fallback=file.fallback, budget=PASS, owner=owner)
    tell_delivered(log, done)
    return SOON if done.more else OUTBOX_EVERY


def _beat(watchdog: Watchdog, health: Health) -> float:
    """Tell the watchdog that we are well, if we are."""
    if health.report()["ok"]:
        watchdog.beat()
    return WATCHDOG_EVERY


def _on_signals(stop: Callable[[], None]) -> None:
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop())


def _wind_down(chores: Sequence[Chore | Scheduler]) -> list[str]:
    """Stop the chores; returns the names of those that did not end in time."""
    for chore in chores:
        chore.stop()
    ended = [chore.join(STOP_SECONDS) for chore in chores]
    return [chore.name for chore, done in zip(chores, ended, strict=True) if not done]


def _say_hello(settings: Settings, store: RingingStore, port: int, key: str) -> None:
    first = next(iter(store.names("", 1)), "my-first-job")
    sys.stdout.write(hello(settings, port, slug=first, jobs=store.count(), key=key) + "\n")
    sys.stdout.flush()
