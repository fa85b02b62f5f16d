"""status: every job at a glance, and what is wrong with the service itself."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from heartbeat.doors.api.json_shapes import delivery_facts, illness_facts, job_facts, silence_facts
from heartbeat.doors.cli.commands import Command, Exit, Invocation
from heartbeat.doors.cli.options import add_store, open_store
from heartbeat.doors.cli.screen import Cell, counted
from heartbeat.doors.cli.selectors import select
from heartbeat.doors.cli.status_data import ORDER, WRONG, View, head, totals, view
from heartbeat.doors.cli.status_table import COLUMNS, row
from heartbeat.errors import BadSetting
from heartbeat.text.times import iso

if TYPE_CHECKING:
    from argparse import ArgumentParser
    from collections.abc import Sequence

    from heartbeat.doors.cli.screen import Screen
    from heartbeat.model import Snapshot

PAGE = 100
"""Jobs in the table, unless more are asked for."""
AROUND = 4
"""Lines around the jobs and below the top: the totals, a gap, the head and its rule."""
MORE = 2
"""Lines that say how many more jobs there are."""


def _arguments(parser: ArgumentParser) -> None:
    parser.add_argument("jobs", nargs="*", metavar="JOB", help="only these: names, with * and ?, tag:NAME")
    parser.add_argument("--tag", action="append", default=[], metavar="NAME", help="only jobs with this tag")
    parser.add_argument("--down", action="store_true", help="only jobs that are down or overdue")
    parser.add_argument("-n", type=int, metavar="COUNT", help=f"how many jobs ({PAGE}; with --json all)")
    parser.add_argument("--all", action="store_true", help="all of them")
    parser.add_argument("--watch", action="store_true", help="show it anew every two seconds, until Ctrl-C")
    add_store(parser)


def _run(call: Invocation) -> int:
    if call.args.watch:
        return _watch(call)
    with open_store(call.args) as store:
        seen = view(store, call.now)
    chosen = _chosen(call, seen)
    if call.args.json:
        call.screen.json(_as_json(seen, _page(call, chosen, None)))
    else:
        _show(call, call.screen, seen, chosen)
    return _verdict(seen, chosen)


def _verdict(seen: View, chosen: Sequence[Snapshot]) -> int:
    wrong = any(seen.stands[found.job.slug] in WRONG for found in chosen)
    return Exit.WRONG if wrong or seen.stale or seen.ill else Exit.FINE


def _chosen(call: Invocation, seen: View) -> list[Snapshot]:
    args = call.args
    named = select(seen.jobs, args.jobs) if args.jobs else seen.jobs
    chosen = [
        found
        for found in named
        if (not args.tag or set(args.tag) <= set(found.job.tags))
        and (not args.down or seen.stands[found.job.slug] in WRONG)
    ]
    return sorted(chosen, key=lambda found: (ORDER.index(seen.stands[found.job.slug]), found.job.slug))


def _page(call: Invocation, chosen: Sequence[Snapshot], usual: int | None) -> Sequence[Snapshot]:
    """As many as were asked for."""
    count = usual if call.args.n is None else max(call.args.n, 0)
    return chosen if call.args.all else chosen[:count]


def _show(call: Invocation, screen: Screen, seen: View, chosen: Sequence[Snapshot], lines: int | None = None) -> None:
    """lines: what a window has room for, None: any number."""
    top = head(seen)
    shown = _page(call, chosen, PAGE)
    if lines is not None and len(top) + len(shown) + AROUND > lines:
        shown = shown[: max(lines - len(top) - AROUND - MORE, 1)]
    screen.say(*totals(seen))
    for line in top:
        screen.say(line)
    if shown:
        screen.say()
        screen.list(COLUMNS, [row(found, seen.silences, seen.now) for found in shown])
    if more := len(chosen) - len(shown):
        screen.say()
        hint = "--all shows them, --down, a name or a --tag fewer"
        screen.say(Cell(f"and {counted(more, 'more job')}, none of them worse; {hint}", "dim"))


def _watch(call: Invocation) -> int:
    if not call.screen.person or call.args.json:
        raise BadSetting(
            "--watch draws on a terminal; where there is none, call `status` or `status --json` again and again"
        )
    from heartbeat.doors.cli.watch import watch  # noqa: PLC0415 - it loads what only a terminal needs

    with open_store(call.args) as store:

        def draw(screen: Screen, lines: int) -> None:
            seen = view(store, call.now)
            _show(call, screen, seen, _chosen(call, seen), lines)

        watch(call.screen, draw)
    return Exit.FINE


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
        "  heartbeat status --watch                in place, until Ctrl-C\n"
        "  heartbeat status 'db-*' --tag nightly   only some\n\n"
        "The exit status is 1 when a job shown is down or overdue, the clock stands still, or the service is unwell.",
        arguments=_arguments,
        run=_run,
    )
}
