"""What the ingest function does with an event: read it, record it, report what was odd."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from heartbeat.errors import NotApplied, NotRead
from heartbeat.telemetry import Happened
from heartbeat.verbs.record import Recorded, Recorder

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from heartbeat.doors.lambdas.journal import Journal
    from heartbeat.ingest.intake import Intake
    from heartbeat.store.protocol import Store

ODD_MAX = 20
"""Most sentences about one event that become log lines."""


class News:
    """Takes events. intake: made from this build's jobs; now: milliseconds since the epoch."""

    def __init__(self, store: Store, intake: Intake, journal: Journal, now: Callable[[], int]) -> None:
        self._store, self._intake, self._journal, self._now = store, intake, journal, now
        self._recorder = Recorder(store)

    def take(self, event: object) -> dict[str, Any]:
        """Record what an event says. Raises WorldError if it must come again; what cannot be read is reported once."""
        heard = self._intake.hear(event, self._store.load, self._now())
        for sentence in heard.odd[:ODD_MAX]:
            self._journal.tell(Happened.EVENT_ODD, says=sentence)
        answers = self._recorder.record(heard.signals)
        counts = {each: answers.count(each) for each in Recorded}
        self._journal.count(Recorded=counts[Recorded.STORED], OddEvents=len(heard.odd))
        unknown = {s.slug for s, each in zip(heard.signals, answers, strict=True) if each is Recorded.UNKNOWN}
        if heard.unread:
            raise NotRead("; ".join(heard.unread[:ODD_MAX]))
        if missing := sorted({*heard.missing, *unknown}):
            raise NotApplied(f"{', '.join(missing)}: declared, and not made by the checker yet; the event comes again")
        return {"recorded": counts[Recorded.STORED], "seen": counts[Recorded.SEEN], "odd": len(heard.odd)}

    def take_queue(self, event: Mapping[str, Any], context: object) -> Mapping[str, Any]:
        """Messages from a queue: those that cannot be recorded stay in it, the others leave it."""
        from aws_lambda_powertools.utilities import batch  # noqa: PLC0415 - only for queues, and dear to load

        processor = batch.BatchProcessor(event_type=batch.EventType.SQS, raise_on_entire_batch_failure=False)
        answer = batch.process_partial_response(
            event=dict(event),
            record_handler=lambda record: self.take({"Records": [record.raw_event]}),
            processor=processor,
            context=context,  # type: ignore[arg-type]  # Lambda's own, which powertools describes
        )
        for kind, problem, _ in processor.exceptions:
            self._journal.tell(Happened.MESSAGE_KEPT, error=f"{kind.__name__ if kind else ''}: {problem}")
        return dict(answer)
