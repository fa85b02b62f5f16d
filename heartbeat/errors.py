"""The exception tree.

HeartbeatError
├── CallerError            what was asked cannot be done: a 4xx, exit status 2; asking again will not help
│   ├── BadSchedule        a schedule that cannot be read, or never fires
│   ├── BadConfig          jobs.yaml: every mistake at once, with line and column
│   ├── BadSignal          a ping, evidence object or event that cannot be read
│   ├── UnknownJob         no job of that name (with the nearest one)
│   ├── NotAgreed          a jobs file would do what a person has to agree to first
│   ├── NotNow             the job is not in a state for it (nothing to acknowledge, not paused)
│   └── BadSetting         an environment variable, option or secret reference that cannot be used
└── WorldError             the world is in the way: a 5xx, exit status 3; asking again may help
    ├── TooBusy            a lost race was retried as often as is sensible
    ├── NotApplied         an event for a job that is in the file but not yet in the store
    ├── NotRead            an evidence object that could not be looked at for now
    ├── StoreUnavailable   the store does not answer (locked, full, throttled, away)
    │   └── StoreGone      its file was taken away or replaced
    ├── StoreCorrupt       the store answers, but what it holds cannot be read
    ├── FrontLost          the HTTP process keeps ending
    ├── SendFailed         an HTTP request got no answer; `sent`: it may have arrived; `refused`: not an address to call
    ├── StartFailed        a target did not start a run; `again`: it may next time; `unknown`: it may have
    └── ChannelFailed      a message was not accepted; `retry_after`: seconds, when the receiver named them
"""

from __future__ import annotations


class HeartbeatError(Exception):
    """The root of all that Heartbeat raises on purpose."""


class CallerError(HeartbeatError):
    """What was asked cannot be done as asked."""


class WorldError(HeartbeatError):
    """The world is in the way; the same call may succeed later."""


class BadSchedule(CallerError):
    """A schedule that cannot be read or never fires.

    field: the field's name ("minute", "day of week", "expression"); text: what was written there, verbatim;
    problem: what is wrong with it; remedy: what would be right.
    """

    def __init__(self, *, field: str, text: str, problem: str, remedy: str) -> None:
        super().__init__(f"{field}: {text!r} {problem}; {remedy}")
        self.field, self.text, self.problem, self.remedy = field, text, problem, remedy


class BadConfig(CallerError):
    """jobs.yaml cannot be used. `problems` holds one sentence per mistake, each with file, line and column."""

    def __init__(self, problems: tuple[str, ...]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class BadSignal(CallerError):
    """A ping, evidence object or event that cannot be read."""


class UnknownJob(CallerError):
    """No job has this name. `nearest` is the most similar name, or None."""

    def __init__(self, slug: str, nearest: str | None = None) -> None:
        hint = f"; did you mean {nearest!r}?" if nearest else ""
        super().__init__(f"no job is named {slug!r}{hint}")
        self.slug, self.nearest = slug, nearest


class NotAgreed(CallerError):
    """A jobs file would remove many jobs, or take over those of another file, and nobody has agreed to it.

    brief: the same without the names of jobs and folders.
    """

    def __init__(self, message: str, brief: str) -> None:
        super().__init__(message)
        self.brief = brief


class NotNow(CallerError):
    """What was asked does not fit the job's current state."""


class BadSetting(CallerError):
    """An environment variable, option or secret reference cannot be used."""


class TooBusy(WorldError):
    """A lost race was retried as often as is sensible."""


class NotApplied(WorldError):
    """The jobs file declares this job, but the store does not have it yet."""


class NotRead(WorldError):
    """The evidence object that an event reports could not be looked at."""


class StoreUnavailable(WorldError):
    """The store does not answer: locked, full, throttled or away."""


class StoreGone(StoreUnavailable):
    """The store's file is gone from its path, or was replaced: nobody would ever read what we write."""


class StoreCorrupt(WorldError):
    """The store answers, but what it holds cannot be read."""


class FrontLost(WorldError):
    """The HTTP process keeps ending, however often it is started."""


class SendFailed(WorldError):
    """An HTTP request got no complete answer. The message shows only host and port of its URL.

    sent: some of it left, so it may have arrived; refused: it is an address that we do not call.
    """

    def __init__(self, message: str, *, sent: bool = False, refused: bool = False) -> None:
        super().__init__(message)
        self.sent, self.refused = sent, refused


class StartFailed(WorldError):
    """A target did not start a run, as far as we know.

    again: the same call may succeed later (`retry_after` seconds, when the target named a time); unknown: it was sent,
    and nobody can say whether it arrived.
    """

    def __init__(
        self, message: str, *, again: bool = False, unknown: bool = False, retry_after: float | None = None
    ) -> None:
        super().__init__(message)
        self.again, self.unknown, self.retry_after = again, unknown, retry_after

    def saying(self, message: str) -> StartFailed:
        """The same error in other words."""
        return StartFailed(message, again=self.again, unknown=self.unknown, retry_after=self.retry_after)


class ChannelFailed(WorldError):
    """A channel did not accept a message. `retry_after` is in seconds when the receiver named a time.

    unsent: it certainly did not arrive, so another message may carry it; refused: nothing is accepted there
    until a person fixes it (a permission, an address), so it is retried slowly; final: trying again cannot help,
    because the receiver rejects this very message. Both mean that it did not arrive.
    """

    def __init__(
        self,
        message: str,
        *,
        retry_after: float | None = None,
        final: bool = False,
        refused: bool = False,
        unsent: bool = False,
    ) -> None:
        super().__init__(message)
        self.retry_after, self.final, self.refused = retry_after, final, refused
        self.unsent = unsent or refused or final
