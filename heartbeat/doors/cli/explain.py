"""explain: what heartbeat/explain.py found, for a person or as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING

from heartbeat.core import slots
from heartbeat.core.blind import LONG
from heartbeat.doors.api.json_shapes import explained, explanation_facts
from heartbeat.doors.cli.commands import Command, Exit, Invocation
from heartbeat.doors.cli.options import add_job, here, open_store
from heartbeat.doors.cli.runs import ID_SHOWN, ended, remarks
from heartbeat.doors.cli.screen import Cell
from heartbeat.doors.cli.status_table import STYLES
from heartbeat.model import BAD, GOOD, Outcome, Verdict
from heartbeat.schedule import format_duration
from heartbeat.text.times import ago, and_ago, duration, moment, stamp
from heartbeat.verbs import service_state
from heartbeat.verbs.jobs import snapshot_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from heartbeat.core.explain import Explanation, SlotStory
    from heartbeat.core.run_history import Record
    from heartbeat.doors.cli.commands import Invocation
    from heartbeat.model import Delivery, Job, Signal
    from heartbeat.verbs.service_state import ClockBook

SIGNALS_SHOWN = 3


class Page:
    """Sections, the most important first; empty ones are left out."""

    def __init__(self, call: Invocation, found: Explanation, clock: ClockBook, now: int) -> None:
        self.screen, self.found, self.clock, self.now = call.screen, found, clock, now
        self.job: Job = found.snapshot.job
        self.zone = self.job.timezone

    def show(self) -> None:
        """Print the page."""
        self._head()
        self._facts()
        self._slots()
        self._records()
        self._notes()
        self._runs()
        self._incident()
        self._coming()

    def _head(self) -> None:
        found, state = self.found, self.found.snapshot.state
        since = f"since {moment(state.since, self.now, self.zone)} ({duration(self.now - state.since)})"
        word = Cell(found.standing.upper(), STYLES[found.standing])
        self.screen.say(Cell(self.job.slug, "bold"), "  ", word, "  ", since)
        for text in (self.job.description, found.because, f"rule: {found.rule}" if found.rule else ""):
            if text:
                self.screen.say(f"  {text}")

    def _title(self, text: str) -> None:
        self.screen.say()
        self.screen.say(Cell(text, "bold"))

    def _facts(self) -> None:
        self.screen.say()
        for name, text, style in self._rows():
            if text:
                self.screen.say(f"  {name:<14}", Cell(text, style))

    def _rows(self) -> Iterator[tuple[str, str, str]]:
        state = self.found.snapshot.state
        yield "schedule", f"{slots.schedule_of(self.job).describe()} ({'; '.join(self.job.schedule)})", ""
        yield "limits", self._limits(), ""
        yield "last success", and_ago(state.last_success, self.now, self.zone) or "never", ""
        yield "last signal", and_ago(state.last_signal, self.now, self.zone) or "never", ""
        yield "clock?" if state.skew else "time zone?", self.found.hint, "yellow"
        yield "tells", ", ".join(self.job.notify) or "nobody", "" if self.job.notify else "yellow"
        for silence in self.found.silences:
            why = f": {silence.reason}" if silence.reason else ""
            yield "silenced", f"by {silence.author or 'somebody'} until {here(silence.end)}{why}", "magenta"
        yield "owner", self.job.owner, ""
        yield "declared by", self.job.source, ""
        yield "runbook", self.job.runbook, ""

    def _limits(self) -> str:
        job = self.job
        limits = (("grace", job.grace), ("max_runtime", job.max_runtime), ("min_runtime", job.min_runtime))
        told = [f"{name} {format_duration(ms)}" for name, ms in limits if ms is not None]
        return ", ".join(told + ([f"alert_after {job.alert_after}"] if job.alert_after > 1 else []))

    def _slots(self) -> None:
        if self.found.slots:
            self._title("latest slots")
            self.screen.table(("slot", "verdict", "why", "signals"), [self._slot(each) for each in self.found.slots])

    def _slot(self, story: SlotStory) -> list[str | Cell]:
        why = "; ".join(text for text in (story.words, story.remark) if text) or "not finished yet"
        more = len(story.signals) - SIGNALS_SHOWN
        signals = [self._signal(signal) for signal in story.signals[-SIGNALS_SHOWN:]]
        return [
            moment(story.slot, self.now, self.zone),
            Cell((story.verdict or "open").replace("_", " "), _style(story.verdict)),
            why,
            ", ".join([*([f"{more} more"] if more > 0 else []), *signals]) or "none",
        ]

    def _signal(self, signal: Signal) -> str:
        status = f" {signal.exit_status}" if signal.exit_status else ""
        source = "" if signal.source == "ping" else f" ({signal.source})"
        run = f" run {signal.run_id[:8]}" if signal.run_id else ""
        return f"{signal.kind}{status} {moment(signal.at, self.now, self.zone, zone_too=False)}{source}{run}"

    def _records(self) -> None:
        # For a job without a trigger or named runs, the slots and their signals have said it all.
        named = self.job.trigger is not None
        made = [record for story in self.found.slots for record in story.runs if record.id or named]
        if made:
            self._title("runs of these slots")
            head = ("run", "slot", "end", "triggered", "started", "finished", "remarks")
            self.screen.table(head, [self._record(record) for record in made])
        for record in made:
            if record.log_url:
                self.screen.say(f"  log of {record.id[:ID_SHOWN] or 'the run'}: {record.log_url}")

    def _record(self, record: Record) -> list[str | Cell]:
        instants = (record.triggered_at, record.started_at, record.finished_at)
        return [
            record.id[:ID_SHOWN],
            moment(record.slot, self.now, self.zone),
            ended(record),
            *(moment(at, self.now, self.zone, zone_too=False) for at in instants),
            remarks(record),
        ]

    def _notes(self) -> None:
        if not self.found.notes:
            return
        self._title("outside of any slot")
        for entry in self.found.notes:
            said = [self._signal(entry.signal)] if entry.signal else []
            text = "; ".join([*said, *([entry.remark] if entry.remark else [])]) or "looked at"
            self.screen.say(f"  {moment(entry.at, self.now, self.zone)}  {text}")

    def _runs(self) -> None:
        if self.found.runs:
            self._title("open runs")
        for each in self.found.runs:
            limit = f"must finish by {moment(each.limit, self.now, self.zone)}" if each.limit else "no limit"
            said = "its time ran out" if each.run.expired else limit
            since = and_ago(each.run.started_at, self.now, self.zone)
            self.screen.say(f"  {each.run.id or 'without an id'}, since {since}: {said}")

    def _incident(self) -> None:
        incident = self.found.incident
        if incident is None:
            return
        self._title(f"incident {incident.id}")
        self.screen.say(f"  opened {stamp(incident.opened_at, self.zone)}, {incident.bad} bad so far")
        if incident.acked_at is not None:
            self.screen.say(f"  acknowledged by {incident.acked_by} {ago(incident.acked_at, self.now)}")
        if incident.told_at is None:
            self.screen.say(Cell("  nobody has been told yet: a silence holds it back", "yellow"))
        elif not self.found.told:
            self.screen.say(Cell("  nobody was told: the job names no channel", "yellow"))
        else:
            rows = [self._delivery(each) for each in self.found.told]
            self.screen.table(("told", "channel", "what", "outcome"), rows)

    def _delivery(self, delivery: Delivery) -> list[str | Cell]:
        retry = f", again {ago(delivery.next_at, self.now)}" if delivery.outcome is Outcome.PENDING else ""
        error = f" after {delivery.attempts} attempts{retry}: {delivery.error}" if delivery.error else ""
        style = {Outcome.SENT: "green", Outcome.DEAD: "bold red"}.get(delivery.outcome, "yellow")
        when = moment(delivery.created_at, self.now, self.zone)
        return [when, delivery.channel, str(delivery.alert.event), Cell(f"{delivery.outcome}{error}", style)]

    def _coming(self) -> None:
        if self.found.coming:
            self._title("what happens next")
        for each in self.found.coming:
            self.screen.say(f"  {and_ago(each.at, self.now, self.zone)}: {each.what}")
        if not self.clock.version or self.now - self.clock.alive > LONG:
            self.screen.say(Cell("  but no sweep is running: start `heartbeat serve`", "bold red"))


def _style(verdict: Verdict | None) -> str:
    if verdict is None:
        return "cyan"
    return "red" if verdict in BAD else "green" if verdict in GOOD else "dim"


def _run(call: Invocation) -> int:
    now = call.now
    with open_store(call.args) as store:
        found = explained(store, snapshot_of(store, call.args.job), now)
        clock = service_state.clock(store, now)
    if call.args.json:
        call.screen.json(explanation_facts(found, now))
    else:
        Page(call, found, clock, now).show()
    return Exit.FINE


COMMANDS = {
    "explain": Command(
        about="Say why a job is in its state: what its latest slots came to and why, which signal went to which slot,\n"
        "what runs are open, who was told of the incident, and what happens next if nothing is heard.\n\n"
        "  heartbeat explain daily-report",
        arguments=add_job,
        run=_run,
    )
}
