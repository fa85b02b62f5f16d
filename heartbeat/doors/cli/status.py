"""status: every job at a glance, and what is wrong with the service itself."""

from __future__ import annotations

from collections import Counter
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from heartbeat.core.explain import JobStanding
from heartbeat.doors.api.json_shapes import delivery_facts, illness_facts, iso, job_facts, silence_facts
from heartbeat.doors.cli.commands import Command, Exit, Invocation
from heartbeat.doors.cli.options import add_store, open_store
from heartbeat.doors.cli.screen import Cell, counted
from heartbeat.doors.cli.status_data import ORDER, View, head, totals, view
from heartbeat.doors.cli.status_table import COLUMNS, row
from heartbeat.errors import UnknownJob
from heartbeat.verbs.jobs import nearest

if TYPE_CHECKING:
    from argparse import ArgumentParser
    from collections.abc import Sequence

    from heartbeat.model import Snapshot

WRONG = frozenset({JobStanding.DOWN, JobStanding.OVERDUE})
PAGE = 100
"""Jobs in the table, unless more are asked for."""


def _arguments(parser: ArgumentParser) -> None:
    parser.add_argument("slugs", nargs="*", metavar="JOB", help="only these; * and ? stand for any characters")
    parser.add_argument("--tag", action="append", default=[], metavar="NAME", help="only jobs with this tag")
    parser.add_argument("--down", action="store_true", help="only jobs that are down or overdue")
    parser.add_argument("-n", type=int, metavar="COUNT", help=f"how many jobs ({PAGE}; with --json all)")
    parser.add_argument("--all", action="store_true", help="all of them")
    add_store(parser)


def _run(call: Invocation) -> int:
    with open_store(call.args) as store:
        seen = view(store, call.now)
    chosen = _chosen(call, seen)
    if call.args.json:
        call.screen.json(_as_json(seen, _page(call, chosen, None)))
    else:
        _show(call, seen, chosen)
    wrong = any(seen.stands[found.job.slug] in WRONG for found in chosen)
    return Exit.WRONG if wrong or seen.stale or seen.ill else Exit.FINE


def _chosen(call: Invocation, seen: View) -> list[Snapshot]:
    args = call.args
    names = [found.job.slug for found in seen.jobs]
    for slug in args.slugs:
        if not any(fnmatchcase(name, slug) for name in names):
            raise UnknownJob(slug, nearest(slug, iter(names)))
    chosen = [
        found
        for found in seen.jobs
        if (not args.slugs or any(fnmatchcase(found.job.slug, slug) for slug in args.slugs))
        and (not args.tag or set(args.tag) <= set(found.job.tags))
        and (not args.down or seen.stands[found.job.slug] in WRONG)
    ]
    return sorted(chosen, key=lambda found: (ORDER.index(seen.stands[found.job.slug]), found.job.slug))


def _page(call: Invocation, chosen: Sequence[Snapshot], usual: int | None) -> Sequence[Snapshot]:
    """As many as were asked for."""
    count = usual if call.args.n is None else max(call.args.n, 0)
    return chosen if call.args.all else chosen[:count]


def _show(call: Invocation, seen: View, chosen: Sequence[Snapshot]) -> None:
    shown = _page(call, chosen, PAGE)
    call.screen.say(*totals(seen))
    for line in head(seen):
        call.screen.say(line)
    if shown:
        call.screen.say()
        rows = [row(found, seen.silences, seen.now) for found in shown]
        left_out = {"schedule"} if call.screen.narrow else set()
        kept = [i for i, name in enumerate(COLUMNS) if name not in left_out]
        call.screen.table([COLUMNS[i] for i in kept], [[cells[i] for i in kept] for cells in rows])
    if more := len(chosen) - len(shown):
        call.screen.say()
        hint = "--all shows them, --down, a name or a --tag fewer"
        call.screen.say(Cell(f"and {counted(more, 'more job')}, none of them worse; {hint}", "dim"))


def _as_json(seen: View, shown: Sequence[Snapshot]) -> dict[str, Any]:
    counts = Counter(seen.stands.values())
    return {
        "now": iso(seen.now),
        "last_sweep": iso(seen.clock.alive) if seen.clock.version else None,
        "watching": bool(seen.clock.version) and not seen.stale,
        "counts": {each: counts[each] for each in ORDER},
        "jobs": [job_facts(found, seen.silences, seen.now) for found in shown],
        "undelivered": [delivery_facts(delivery) for delivery in seen.pending],
        "illnesses": [illness_facts(ill) for ill in seen.ill],
        "dead": {"count": seen.dead.count, "latest": [delivery_facts(delivery) for delivery in seen.dead.latest]},
        "silences": [silence_facts(silence, seen.now) for silence in seen.silences],
        "strays": [
            {"slug": slug, "count": stray["count"], "first": iso(stray["first"]), "last": iso(stray["last"])}
            for slug, stray in seen.strays.items()
        ],
    }


COMMANDS = {
    "status": Command(
        about="Show every job: its state, since when, its last success, and when it is expected next; above that,\n"
        "what is wrong with the service itself. The worst comes first.\n\n"
        "  down      an incident is open           late      its time has come, its grace runs\n"
        "  overdue   it is late, no sweep looked   running   a run has begun\n"
        "  waiting   never heard of                paused, disabled   nothing is expected\n\n"
        "  heartbeat status --down                 only what is wrong\n"
        "  heartbeat status --all                  more than the first 100\n"
        "  heartbeat status 'db-*' --tag nightly   only some\n\n"
        "The exit status is 1 when a job shown is down or overdue, the clock stands still, or the service is unwell.",
        arguments=_arguments,
        run=_run,
    )
}
