"""tick: one sweep and one pass of deliveries."""

from __future__ import annotations

import os
import sys
from contextlib import ExitStack, closing, redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING

from heartbeat import settings
from heartbeat.channels.lazy import made
from heartbeat.config import Config, read_file
from heartbeat.config.files import absolute
from heartbeat.core.blind import LONG, Ears
from heartbeat.doors.cli.commands import Command, Exit, Invocation
from heartbeat.doors.cli.options import (
    add_config,
    add_evidence,
    add_store,
    config_path,
    evidence_folder,
    here,
    open_store,
    place,
)
from heartbeat.doors.cli.screen import Cell
from heartbeat.doors.server.delivery_owner import ProcessOwner
from heartbeat.errors import BadConfig
from heartbeat.ingest import evidence
from heartbeat.ingest.s3 import ATTEMPTS, S3Bucket
from heartbeat.model import DAY
from heartbeat.store.address import client
from heartbeat.text.times import iso
from heartbeat.verbs.deliver import deliver
from heartbeat.verbs.illness import fall_ill, get_well
from heartbeat.verbs.kept_file import JOBS_FILE, KeptFile, ailing, keep, kept
from heartbeat.verbs.rounds import again
from heartbeat.verbs.sweep import nothing_to_see, sweep

if TYPE_CHECKING:
    from argparse import ArgumentParser
    from collections.abc import Mapping, Sequence

    from heartbeat.channels.protocol import Channel
    from heartbeat.errors import BadSetting
    from heartbeat.store.address import Table
    from heartbeat.store.protocol import Store
    from heartbeat.verbs.counts import Delivered, Swept
    from heartbeat.verbs.sweep import Look

ROUNDS_MAX = 100
"""How often one tick goes round again when there is more to do."""
PURGE_LIMIT, PURGES_MAX = 1_000, 200
"""Old rows removed at once, and how often one tick does so: more than come in from one tick to the next."""


ILLNESS = f"{JOBS_FILE}/tick"
EARS = Ears(patience=LONG)
"""Nothing says how often this is called."""


def _arguments(parser: ArgumentParser) -> None:
    add_config(parser)
    add_store(parser)
    add_evidence(parser)


def _run(call: Invocation) -> int:
    given = settings.read(evidence=call.args.evidence)
    with open_store(call.args) as store:
        config, broken = _read(call, store)
        unmade: list[BadSetting] = []
        channels = {name: made(name, settings, unmade.append) for name, settings in config.channels.items()}
        for problem in unmade:
            call.screen.complain(str(problem))
        look = _look(place(call.args), given.evidence)
        swept = again(lambda: sweep(store, call.now, service=config.service, evidence=look, ears=EARS), ROUNDS_MAX)
        with redirect_stdout(sys.stderr if call.args.json else sys.stdout):  # a console channel prints
            sent = _deliver_all(call, store, channels, config.fallback)
        for _ in range(PURGES_MAX):
            if store.purge(call.now - given.keep_days * DAY, PURGE_LIMIT) < PURGE_LIMIT:
                break
    _report(call, swept, sent)
    evidence_folder(given.evidence)  # only now: a disk that is not mounted must not keep anybody from being told
    return Exit.CALLER if broken or unmade else Exit.WORLD if sent.failed or sent.dead else Exit.FINE


def _read(call: Invocation, store: Store) -> tuple[Config | KeptFile, bool]:
    """Whom to tell, and whether the file is broken: then it is as the last good one said."""
    path = config_path(call.args)
    try:
        config = read_file(path)
    except BadConfig as problem:
        before = kept(store)
        if before is None:
            raise
        for line in problem.problems:
            call.screen.complain(line)
        fall_ill(store, ILLNESS, ailing(problem, path.name), call.now, before.service)
        return before, True
    keep(store, config, absolute(path))
    get_well(store, ILLNESS, call.now, config.service)
    return config, False


def _look(where: Table | Path, folder: Path | None) -> Look:
    """Where to look for evidence: in the folder; with a table, in S3 as its stack does, lest runs be called missing."""
    if folder:
        return evidence.look(evidence.FolderBucket(folder))
    if isinstance(where, Path):
        return nothing_to_see
    bucket = os.environ.get("HEARTBEAT_BUCKET", "")
    return evidence.look(S3Bucket(bucket, lambda: client(where, "s3", ATTEMPTS)))


def _deliver_all(call: Invocation, store: Store, channels: Mapping[str, Channel], fallback: Sequence[str]) -> Delivered:
    where = place(call.args)
    with ExitStack() as cleanup:
        owner = cleanup.enter_context(closing(ProcessOwner(where))) if isinstance(where, Path) else None
        return again(lambda: deliver(store, channels, call.clock, fallback=fallback, owner=owner), ROUNDS_MAX)


def _report(call: Invocation, swept: Swept, sent: Delivered) -> None:
    counts = {"judged": swept.judged, "told": swept.told, "sent": sent.sent, "failed": sent.failed, "dead": sent.dead}
    blind = swept.blind
    if call.args.json:
        span = {"start": iso(blind.start), "end": iso(blind.end)} if blind else None
        call.screen.json(counts | {"blind": span})
        return
    if blind:
        call.screen.say(Cell(f"nobody looked from {here(blind.start)} to {here(blind.end)}", "yellow"))
    words = ", ".join(f"{count} {word}" for word, count in counts.items() if count)
    call.screen.say(Cell(words or "nothing was due", "yellow" if counts["failed"] or counts["dead"] else ""))


COMMANDS = {
    "tick": Command(
        about="Look once at everything that is due, then send the alerts that wait: what `serve` does all the\n"
        "time, for those who would rather run it from cron, every minute. Jobs then prove their runs by evidence.\n\n"
        "  * * * * * cd /srv/heartbeat && heartbeat tick --evidence /srv/evidence\n\n"
        "The exit status is 3 when a message was not taken; it is tried again at a later tick. It is 2 when the file\n"
        "of jobs cannot be used (then the channels are those that it last named), or a channel cannot be, for a\n"
        "secret is missing: then the others are told all the same.",
        arguments=_arguments,
        run=_run,
    )
}
