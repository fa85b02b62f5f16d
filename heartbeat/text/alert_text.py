"""Alerts → words. The one place for sentences; pure: `now` is an argument, the zone is the alert's own.

`compose(alerts, now)` answers a `Message`: everything a channel needs, made of text that is safe to print (no control
characters, no ping URL that a link preview would fetch). Escaping for its own format is the channel's.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from msgspec import Struct
from msgspec.structs import asdict, replace

from heartbeat.model import Alert, Event, Reason, Verdict
from heartbeat.text.sanitize import HIDDEN, one_line, safe
from heartbeat.text.start_text import start_row, what_it_said, when_triggered
from heartbeat.text.times import and_ago, duration, moment, stamp

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

NAMES_MAX = 10
"""Names and lines that a message about many jobs shows; the others are counted."""
SUBJECT_MAX = 100
"""Characters of the longest e-mail subject that SNS takes."""

LINKS = ("runbook", "log_url")
EVENT_LABELS = {Event.OPENED: "DOWN", Event.REMINDER: "STILL DOWN", Event.WELL: "WELL AGAIN"}
"""The labels of events that are not their names."""
REASONS = {
    Reason.IN_TIME: "ran in time",
    Reason.AFTER_DEADLINE: "succeeded only after the deadline{of}",
    Reason.REPORTED_LATE: "succeeded in time, but the news came after the deadline{of}",
    Reason.GRACE_RAN_OUT: "nothing{by}",
    Reason.LATER_SLOT_SUCCEEDED: "nothing{by}, but a later run has succeeded",
    Reason.FAIL_SIGNAL: "the job reported a failure",
    Reason.EXIT_STATUS: "ended with {status}",
    Reason.TOO_SHORT: "finished sooner than its work can have taken (min_runtime)",
    Reason.ASSERTION: "finished, but what it left behind is not what was asked for",
    Reason.MAX_RUNTIME_RAN_OUT: "started, but not finished{by} (max_runtime)",
    Reason.NEXT_SLOT_DUE: "started, but not finished{by}, when the next run was due",
    Reason.WE_WERE_BLIND: "Heartbeat itself was not looking, so nobody can say whether it ran",
    Reason.JOB_PAUSED: "the job is paused",
    Reason.SCHEDULE_CHANGED: "the schedule was changed",
    Reason.NOT_TRIGGERED: "not triggered: the scheduler did not call{by}",
    Reason.TRIGGER_FAILED: "could not be started{said}",
    Reason.NEVER_CHECKED_IN: "{triggered}, never checked in{by}",
    Reason.STILL_RUNNING: "the run before it was still under way{by}",
}


class Message(Struct, frozen=True, kw_only=True):
    """One message in words. opening: the sentence that must come first, or ""; lines: a headline for each alert."""

    alerts: tuple[Alert, ...]
    now: int
    subject: str
    opening: str
    headline: str
    lines: tuple[str, ...]
    text: str

    @property
    def summary(self) -> str:
        """The whole sentence: what a notification shows and a screen reader reads."""
        return f"{self.opening} {self.headline}".lstrip()


def compose(alerts: Sequence[Alert], now: int) -> Message:
    """The words for one message about these alerts."""
    clean = tuple(tidy(alert) for alert in alerts)
    lines = listing(clean, now)
    return Message(
        alerts=clean,
        now=now,
        subject=subject(clean),
        opening=opening(clean),
        headline=lines[0] if len(clean) == 1 else group_headline(clean),
        lines=lines,
        text=plain(clean, now, lines),
    )


def tidy(alert: Alert) -> Alert:
    """The alert with every text made safe to print. Names become one line; output keeps its lines."""
    values = {key: value for key, value in asdict(alert).items() if value and type(value) in {str, tuple}}
    clean: dict[str, Any] = {
        key: one_line(value) if type(value) is str else tuple(map(one_line, value)) for key, value in values.items()
    }
    clean["output"] = safe(alert.output)
    clean |= {key: "" for key in LINKS if HIDDEN in clean.get(key, "")}
    return replace(alert, **clean)


def label(alert: Alert) -> str:
    """The word that says at a glance what it is."""
    if alert.event is Event.OPENED and alert.verdict is not None:
        return alert.verdict.replace("_", " ").upper()
    return EVENT_LABELS.get(alert.event, alert.event.upper())


def name(alert: Alert) -> str:
    """Whom it is about."""
    return f"{alert.slug or 'Heartbeat'} ({alert.environment})" if alert.environment else alert.slug or "Heartbeat"


def headline(alert: Alert, now: int) -> str:
    """One sentence that is enough by itself."""
    sentence = "; ".join(filter(None, (", ".join(filter(None, _parts(alert, now))), alert.text)))
    return f"{label(alert)} {name(alert)}: {sentence}"


def _parts(alert: Alert, now: int) -> tuple[str, ...]:
    match alert.event:
        case Event.OPENED:
            return because(alert, now), _streak(alert), _last_success(alert, now)
        case Event.REMINDER:
            return _down_since(alert, now), _count(alert), _last_success(alert, now)
        case Event.RECOVERED | Event.WELL | Event.CLOSED:
            return "removed while it was down" if alert.event is Event.CLOSED else "", recovery(alert)
        case Event.BLIND:
            return _blind(alert, now)
        case Event.TEST:
            return ("this is a test, nothing is wrong",)
        case Event.UNDELIVERED | Event.ILL:  # the alert's text says it all
            return ("" if alert.text else "a channel did not take a message",)


def because(alert: Alert, now: int) -> str:
    """When it was expected, and the reason."""
    at = moment(alert.deadline, now, alert.timezone, zone_too=False)
    status = f"exit status {alert.exit_status}" if alert.exit_status is not None else "a failing exit status"
    expected = moment(alert.expected, now, alert.timezone)
    said = reason_in_words(
        alert.reason,
        by=f" by {at}" if at else "",
        of=f" of {at}" if at else "",
        status=status,
        triggered=when_triggered(alert, now),
        said=what_it_said(alert),
    )
    return ", ".join(filter(None, (f"expected {expected}" if expected else "", said))) or "no reason was recorded"


def reason_in_words(reason: Reason | None, **facts: str) -> str:
    """The reason with the facts that its sentence has room for (by, of, status, triggered, said); "" for none."""
    return REASONS[reason].format_map({"triggered": "triggered", "said": ""} | facts) if reason else ""


def recovery(alert: Alert) -> str:
    """`after 42 min, 3 missed`."""
    after = f"after {duration(alert.at - alert.opened_at)}" if alert.opened_at is not None else "runs again"
    return ", ".join(filter(None, (after, _count(alert))))


def opening(alerts: Sequence[Alert]) -> str:
    """What must be said first: everything that was due is silent, so perhaps it is not the jobs' fault."""
    silent = [alert for alert in alerts if alert.silent_all]
    if not silent:
        return ""
    count = max(len(silent), *(len(alert.jobs) for alert in silent))
    who = f"None of the {count} jobs that were due has reported" if count > 1 else "No job that was due has reported"
    return f"{who}: the network, DNS or Heartbeat's address may be the cause."


def group_headline(alerts: Sequence[Alert]) -> str:
    """`MISSED, FAILED 24 jobs: a, b, … and 14 more`."""
    slugs = list(dict.fromkeys(name(alert) for alert in alerts))
    return f"{_labels(alerts)} {_jobs(len(slugs))}: {some(slugs)}"


def listing(alerts: Sequence[Alert], now: int) -> tuple[str, ...]:
    """One line for each of the first ten alerts, and how many more there are."""
    more = len(alerts) - NAMES_MAX
    lines = [headline(alert, now) for alert in alerts[:NAMES_MAX]]
    return (*lines, f"and {more} more") if more > 0 else tuple(lines)


def some(names: Sequence[str]) -> str:
    """`a, b, c and 14 more`."""
    more = len(names) - NAMES_MAX
    return ", ".join(names[:NAMES_MAX]) + (f" and {more} more" if more > 0 else "")


def subject(alerts: Sequence[Alert]) -> str:
    """`[MISSED] daily-report prod`: at most 100 ASCII characters on one line."""
    slugs = list(dict.fromkeys(alert.slug or "Heartbeat" for alert in alerts))
    whom = f"{slugs[0]} {alerts[0].environment}" if len(alerts) == 1 else f"{_jobs(len(slugs))}: {some(slugs)}"
    line = " ".join(f"[{_labels(alerts)}] {whom}".split())
    return line.encode("ascii", "replace").decode()[:SUBJECT_MAX].rstrip()


def plain(alerts: Sequence[Alert], now: int, lines: Sequence[str]) -> str:
    """The whole message as plain text: for e-mail, the console, and whoever reads no markup."""
    if len(alerts) > 1:
        return _join((opening(alerts), group_headline(alerts), "\n".join(f"- {x}" for x in lines)))
    alert = alerts[0]
    facts = details(alert, now)
    wide = max((len(key) for key, _ in facts), default=0) + 1
    table = "\n".join(f"{key + ':':<{wide}} {value}" for key, value in facts)
    output = f"Last output:\n{alert.output.rstrip()}" if alert.output.strip() else ""
    command = next_command(alert)
    more = [*asides(alert), *([("Next", command)] if command else [])]
    remarks = "\n".join(f"{key}: {value}" for key, value in more)
    return _join((opening(alerts), lines[0], table, remarks, output))


def asides(alert: Alert) -> list[tuple[str, str]]:
    """What helps besides the facts."""
    rows = (("About", alert.description), ("Hint", alert.hint), ("Log", alert.log_url), ("Runbook", alert.runbook))
    return [(key, value) for key, value in rows if value]


def next_command(alert: Alert) -> str:
    """What to type next; "" for what is over."""
    return f"heartbeat explain {alert.slug}" if alert.slug and alert.event in {Event.OPENED, Event.REMINDER} else ""


def details(alert: Alert, now: int) -> list[tuple[str, str]]:
    """The facts, most needed first; what is not known is left out."""
    if not alert.slug:
        return []
    zone = alert.timezone
    rows = (
        ("Expected", stamp(alert.expected, zone)),
        ("Deadline passed", and_ago(alert.deadline, now, zone)),
        ("Triggered", start_row(alert, now)),
        ("Last success", and_ago(alert.last_success, now, zone) or "never"),
        ("Last signal", and_ago(alert.last_signal, now, zone) or "never"),
        ("Consecutive", _streak(alert)),
        ("Exit status", "" if alert.exit_status is None else str(alert.exit_status)),
        ("Schedule", alert.schedule),
        ("Next expected", and_ago(alert.next_slot, now, zone)),
        ("Owner", alert.owner),
        ("Environment", alert.environment),
        ("Tags", ", ".join(alert.tags)),
        ("Run", alert.run_id),
    )
    return [(key, value) for key, value in rows if value]


def _labels(alerts: Iterable[Alert]) -> str:
    return ", ".join(word for word, _ in Counter(label(alert) for alert in alerts).most_common())


def _jobs(count: int) -> str:
    return "1 job" if count == 1 else f"{count} jobs"


def _streak(alert: Alert) -> str:
    return f"{alert.bad} in a row" if alert.bad > 1 else ""


def _count(alert: Alert) -> str:
    words = {Verdict.MISSED: "missed", Verdict.FAILED: "failed", Verdict.TIMED_OUT: "timed out"}
    fallback = "bad run" if alert.bad == 1 else "bad runs"
    return f"{alert.bad} {words.get(alert.verdict, fallback) if alert.verdict else fallback}" if alert.bad else ""


def _last_success(alert: Alert, now: int) -> str:
    then = moment(alert.last_success, now, alert.timezone)
    return f"last success {then}" if then else "no success so far"


def _down_since(alert: Alert, now: int) -> str:
    if alert.opened_at is None:
        return ""
    return f"since {moment(alert.opened_at, now, alert.timezone)} ({duration(now - alert.opened_at)})"


def _blind(alert: Alert, now: int) -> tuple[str, ...]:
    start, end = (moment(at, now, alert.timezone) for at in (alert.opened_at, alert.at))
    span = f"was not looking from {start} to {end}" if start else "was not looking for a while"
    jobs = f"nobody knows whether these ran: {some(alert.jobs)}" if alert.jobs else ""
    return span, jobs


def not_listening(start: int, end: int, now: int, zone: str) -> str:
    """What people who are told of something after a gap of ours should know."""
    begin, over = moment(start, now, zone, zone_too=False), moment(end, now, zone)
    return f"Heartbeat itself was not listening from {begin} to {over}"


def _join(parts: Iterable[str]) -> str:
    return "\n\n".join(part for part in parts if part) + "\n"
