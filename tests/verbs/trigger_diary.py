"""What people did to a job, told in their words, and what follows: the rule of `core/expected.py`, written anew.

It knows of no cursor and no state: only from when to when which minute of the hour held, and which pauses there were.
"""

from dataclasses import dataclass

from trigger_stage import MINUTE

HOUR = 60 * MINUTE
FOREVER = 1 << 50


@dataclass
class Time:
    start: int
    end: int = FOREVER
    minute: int = 0


class Diary:
    def __init__(self, born, minute):
        self.held, self.pauses, self.removals, self.done = [Time(born, minute=minute)], [], [], {}

    @property
    def minute(self):
        return self.held[-1].minute

    def holds(self, now):
        return self.held[-1].end > now

    def stops(self, now):
        """Disabled or removed."""
        self.held[-1].end = min(self.held[-1].end, now)

    def begins(self, now, minute):
        """Enabled, declared again, or with another schedule: from now on this minute holds."""
        self.stops(now)
        self.held.append(Time(now, minute=minute))

    def removed(self, now):
        self.stops(now)
        self.removals.append(now)

    def paused(self, now, until):
        if self.pauses and self.pauses[-1].end > now:
            self.pauses[-1].end = now
        self.pauses.append(Time(now, FOREVER if until is None else until))

    def resumed(self, now):
        if self.pauses:
            self.pauses[-1].end = min(self.pauses[-1].end, now)

    def ended(self, slot, now):
        """A run that a person started for this slot has told its end."""
        self.done.setdefault(slot, now)

    def why_not(self, slot, now):
        """Why nobody wants this slot at this instant; None: somebody does."""
        held = self.held[-1]
        if not held.start < slot or held.end <= now:
            return "what holds now did not hold then"
        if slot % HOUR != held.minute * MINUTE:
            return "no slot"
        if any(now < pause.end or slot <= pause.end for pause in self.pauses):
            return "paused"
        return "a person ran it" if self.done.get(slot, FOREVER) < now else None

    def coming(self, start, end):
        """The slots that somebody wanted when they came."""
        for slot in range(start, end, MINUTE):
            for held in self.held:
                paused = any(pause.start <= slot <= pause.end for pause in self.pauses)
                if held.start < slot < held.end and slot % HOUR == held.minute * MINUTE and not paused:
                    yield slot

    def forgotten(self, slot):
        """The job was removed while this slot might still have been open."""
        return any(slot <= removal for removal in self.removals)


class Queue:
    """Who is under way, by what was heard and called; for `overlap: queue`. limit: max_runtime, None for none."""

    def __init__(self, grace, limit):
        self.grace, self.limit, self.began, self.heard, self.ended, self.last = grace, limit, {}, {}, set(), 0

    def called(self, call, now, by_hand):
        """What is wrong with this first call, if anything."""
        others = [run for run in {*self.began, *self.heard} - self.ended if run != call.run_id]
        busy = [run for run in others if self._is_under_way(run, now)]
        if busy:
            yield f"{call.run_id} was started while {busy} was under way"
        if not by_hand and call.slot <= self.last:
            yield f"slot {call.slot} was started after {self.last}"
        self.last = self.last if by_hand else call.slot

    def took(self, call, now):
        late = call.slot is None or now > call.slot + MINUTE
        self.began[call.run_id] = now if late else call.slot

    def tells(self, kind, run, when):
        if kind == "start":
            self.heard.setdefault(run, when)
        else:
            self.ended.add(run)

    def given_up(self, runs):
        """It was said that these could not be started."""
        self.ended |= runs

    def forget(self):
        """The job was removed: nobody knows any more what is under way."""
        self.ended |= {*self.began, *self.heard}

    def _is_under_way(self, run, now):
        if run in self.heard:
            return self.limit is not None and now < self.heard[run] + self.limit
        return now < self.began[run] + self.grace
