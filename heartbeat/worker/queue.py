"""An SQS queue as a worker uses it: one message at a time, hidden from others during the work."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any, Self

from heartbeat import aws
from heartbeat.client import warn
from heartbeat.errors import BadSetting, StartFailed
from heartbeat.targets import aws_call
from heartbeat.targets.sqs import region_of
from heartbeat.worker.messages import QueueMessage, read

if TYPE_CHECKING:
    from collections.abc import Callable

VISIBILITY_MAX = 43_200
"""Seconds. SQS: a message can be hidden for at most 12 hours after it was received."""
WAIT_MAX = 20
"""SQS: maximum seconds of one long poll."""
AGAIN_MAX = 900
"""Most seconds until a failed message comes back, however often it has failed."""
DELETE_TRIES = 3


class Inbox:
    """url: the queue's; job: for messages that name none; visibility: seconds; wait: seconds per look.

    Every method that calls SQS raises StartFailed if SQS did not do what was asked.
    """

    def __init__(self, url: str, *, job: str = "", visibility: float = 300, wait: int = WAIT_MAX) -> None:
        if not url.startswith(("http://", "https://")):
            raise BadSetting(f"{url!r} is no queue; give its URL: https://sqs.<region>.amazonaws.com/<account>/<name>")
        if not 1 <= visibility <= VISIBILITY_MAX:
            raise BadSetting(f"a visibility of {visibility:g} s is not from 1s to 12h")
        self.url, self.job, self.visibility, self._wait = url, job, visibility, wait

    def receive(self) -> QueueMessage | None:
        """The next message, or None if none came within the wait."""
        since = time.monotonic()
        answer = self._call(
            "receive_message",
            MaxNumberOfMessages=1,
            WaitTimeSeconds=self._wait,
            VisibilityTimeout=round(self.visibility),
            AttributeNames=["ApproximateReceiveCount"],
            MessageAttributeNames=["All"],
        )
        found = answer.get("Messages") or []
        return read(found[0], queue=self.url, job=self.job, since=since) if found else None

    def hide(self, message: QueueMessage, seconds: float) -> None:
        """Hide it from everybody for this long; 0: anybody may have it at once."""
        self._call("change_message_visibility", ReceiptHandle=message.receipt, VisibilityTimeout=round(seconds))

    def give_back(self, message: QueueMessage, seconds: float) -> None:
        """The same for an unfinished message. Never raises: it comes back in any case."""
        try:
            self.hide(message, min(seconds, left(message, time.monotonic())))
        except StartFailed as problem:
            warn(f"message {message.id} comes back only when its visibility has run out: {problem}")

    def delete(self, message: QueueMessage) -> None:
        """Delete a finished message. Never raises: if it comes back, we know that its run is done."""
        for tried in range(DELETE_TRIES):
            time.sleep(tried)
            try:
                self._call("delete_message", ReceiptHandle=message.receipt)
            except StartFailed as problem:
                why = str(problem)
            else:
                return
        warn(f"message {message.id} is done, but was not deleted: {why}")

    def _call(self, name: str, **given: Any) -> Any:  # noqa: ANN401 - boto3 makes its clients at run time
        with aws_call.calling("SQS"):
            call: Callable[..., Any] = getattr(aws_call.client("sqs", region_of(self.url), self._wait + aws.READ), name)
            return call(QueueUrl=self.url, **given)


class Hold:
    """While entered, extends the message's visibility whenever a third of it has passed."""

    def __init__(self, inbox: Inbox, message: QueueMessage) -> None:
        self._inbox, self._message, self._ended = inbox, message, threading.Event()
        self._thread = threading.Thread(target=self._extend, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _extend(self) -> None:
        said = ""
        while not self._ended.wait(self._inbox.visibility / 3):
            seconds = min(self._inbox.visibility, left(self._message, time.monotonic()))
            if seconds < 1:
                warn(f"message {self._message.id} has taken 12 hours: SQS no longer hides it, so others may get it")
                return
            try:
                self._inbox.hide(self._message, seconds)
            except StartFailed as problem:
                if str(problem) != said:
                    warn(f"the visibility of message {self._message.id} was not extended: {problem}")
                said = str(problem)


def left(message: QueueMessage, now: float) -> float:
    """Seconds for which SQS can still hide it, less one as a margin for the clocks: SQS refuses more."""
    return max(0.0, VISIBILITY_MAX - 1 - (now - message.since))


def again(count: int, first: float) -> float:
    """Seconds until a message comes back that was delivered this often without success."""
    return min(first * 2.0 ** min(count - 1, 30), max(AGAIN_MAX, first))
