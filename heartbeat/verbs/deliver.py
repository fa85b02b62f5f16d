"""The verb: a message waits.

One pass over the outbox. Each channel has a lane of its own, so that one that hangs or fails holds up no other. A lane
claims a delivery for a while, sends it and marks it. After a crash in between, the claim runs out, or is taken over at
once if its owner is known to be gone, and the message is sent again under the same idempotency key. Two passes at once
are harmless: only one gets the claim.
"""

from __future__ import annotations

import time
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Protocol

from heartbeat.errors import ChannelFailed, StoreCorrupt
from heartbeat.model import DAY, SECOND
from heartbeat.verbs import batching, channel_state
from heartbeat.verbs.channel_lane import Lane, Pass
from heartbeat.verbs.counts import Delivered, count
from heartbeat.verbs.illness import FADES, fall_ill

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from heartbeat.channels.protocol import Channel
    from heartbeat.model import Delivery
    from heartbeat.store.protocol import Store
    from heartbeat.verbs.channel_lane import Sleep, Threads

LIMIT = 1_000
"""Deliveries that one pass looks at."""
HORIZON = 1 * DAY
"""How far ahead a pass looks: what waits is tried sooner when its channel or its holder has changed."""
BUDGET = 45 * SECOND
"""How long a pass starts new sends; the rest is left to the next pass."""
UNREADABLE = "deliveries/unreadable"
"""The illness of a store in which a waiting delivery cannot be read."""
LANES = 32
"""Channels that are served at the same time."""


class Owner(Protocol):
    """Who delivers, as the claims name it."""

    name: str

    def gone(self, name: str) -> bool:
        """Whether the owner of this name has certainly ended, so that what it was sending may be sent again."""


class Somebody:
    """An owner that others cannot know to be alive: its claims must run out."""

    name = "-"

    def gone(self, name: str) -> bool:
        """See `Owner`."""
        del name
        return False


def deliver(  # noqa: PLR0913 - the last seven are limits and helpers that have a default
    store: Store,
    channels: Mapping[str, Channel],
    clock: Callable[[], int],
    *,
    limit: int = LIMIT,
    fallback: Sequence[str] = (),
    parallel: int = LANES,
    budget: int = BUDGET,
    sleep: Sleep = time.sleep,
    owner: Owner | None = None,
    threads: Threads = ThreadPoolExecutor,
) -> Delivered:
    """Send what waits, up to `limit` deliveries.

    fallback: the channels that are told of what another does not take; none given: all the others; threads: makes a
    pool of so many.

    1. Read the outbox, as far as the horizon.
    2. Make a lane for each channel that has something to send now; leave what is for a channel unknown here.
    3. Run the lanes side by side: each claims, sends and marks.
    4. Count what became of it all, and what still waits.
    """
    start, owner = clock(), owner or Somebody()
    run = Pass(
        store=store,
        clock=clock,
        sleep=sleep,
        told=fallback,
        channels=list(channels),
        deadline=start + min(budget, BUDGET),
        holder=owner.name,
        threads=threads,
    )
    rows, full = _read(store, start, limit)
    left, lanes = _lanes(run, rows, channels, owner, start)
    with threads(parallel) as pool:
        done = [pool.submit(lane.run) for lane in lanes]
    whole = sum((lane.result() for lane in done), Delivered(more=full) + left)
    return replace(whole, waiting=max(len(rows) - whole.sent - whole.dead, 0))


def _read(store: Store, now: int, limit: int) -> tuple[list[Delivery], bool]:
    """What waits, without messages that were only read in part; and whether more is due."""
    while True:
        try:
            rows = store.outbox(now + HORIZON, limit)
        except StoreCorrupt as problem:  # nobody can be told before that is mended: it must be seen elsewhere
            fall_ill(store, UNREADABLE, f"no alert can be sent, for one cannot be read: {problem}", now, None, FADES)
            raise
        if len(rows) < limit:
            return rows, False
        whole = batching.uncut(rows)
        if whole:
            return whole, rows[-1].next_at <= now
        limit *= 2  # all of it belongs to messages longer than this


def _lanes(
    run: Pass, rows: Sequence[Delivery], channels: Mapping[str, Channel], owner: Owner, start: int
) -> tuple[Delivered, list[Lane]]:
    """The lanes, and what became of deliveries for channels unknown here."""
    left, lanes = Delivered(), []
    gone = cache(owner.gone)  # the same answer for all that one process held
    for name, queue in _by_channel(rows).items():
        channel = channels.get(name)
        now, later = _ripe(queue, channel, start, gone)
        if now and channel is None:
            left += _leave(run, now, later)
        elif now and channel is not None:
            lanes.append(Lane(channel, now, later, run))
    return left, lanes


def _by_channel(rows: Sequence[Delivery]) -> dict[str, list[Delivery]]:
    queues: dict[str, list[Delivery]] = defaultdict(list)
    for row in rows:
        queues[row.channel].append(row)
    return queues


def _ripe(
    queue: Sequence[Delivery], channel: Channel | None, now: int, gone: Callable[[str], bool]
) -> tuple[list[Delivery], list[Delivery]]:
    """What is tried now, and what waits."""
    definition, group_above = (channel.definition, channel.group_above) if channel else (None, 0)
    chosen = batching.ripe(queue, lambda row: batching.ready(row, definition, now, gone), group_above)
    return [row for row in queue if row.id in chosen], [row for row in queue if row.id not in chosen]


def _leave(run: Pass, rows: Sequence[Delivery], later: Sequence[Delivery]) -> Delivered:
    """Deliveries for a channel unknown here wait for a process that knows it.

    The jobs file may not have been read yet, or it is another one. After a day in vain they die, and others are told.
    """
    now, name = run.clock(), rows[0].channel
    error = ChannelFailed(f"no channel named {name!r} in the config", unsent=True)
    after = [row for parcel in batching.arrange(rows, {}, 1) for row in batching.unknown(parcel, error, now)]
    kept, answer = run.keep(run.failed(after, error, now))
    done = count(kept)
    if not any(row.under for row in rows) and max(row.attempts for row in after) >= batching.ATTEMPTS_MIN:
        known = channel_state.read(run.store, name)
        if done.failed or later:
            channel_state.ail(
                run.store, known, f"alerts wait for {name!r}, and there is {error}", now, run.others(name)
            )
        else:
            channel_state.recover(run.store, known, now, run.others(name))
    return answer + done
