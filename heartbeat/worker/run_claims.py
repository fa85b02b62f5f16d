"""What we know about a message's run before working on it: done, under way elsewhere, or free.

This machine always remembers: a run is locked during the work, even by a command that outlived its worker, and
marked when done. A worker that knows where Heartbeat is asks there too, and so knows about other machines.
"""

from __future__ import annotations

import json
import os
from contextlib import suppress
from enum import Enum, auto
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.request import HTTPHandler, HTTPSHandler, OpenerDirector, ProxyHandler, Request

from heartbeat.client import BUSY, NO_STATE, MachineState, warn
from heartbeat.errors import BadSetting, WorldError
from heartbeat.model import Kind
from heartbeat.redact import veiled

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from contextlib import ExitStack

    from heartbeat.store.protocol import Store
    from heartbeat.worker.messages import QueueMessage

ENTRIES = 500
"""Entries of a job's history searched for a run."""
KEPT = 14 * 86_400
"""Seconds that this machine remembers a run. SQS: messages are kept for at most 14 days."""
TIMEOUT = 10
"""Seconds to wait for the API."""
ANSWER_MAX = 8 << 20
SHOWN = 200
"""Bytes of the API's answer to read, and of a refusal to show."""
NAME = "run "
CLAIM = "message "


class RunStanding(Enum):
    """A run's standing, seen by the holder of its message. UNKNOWN: whoever should know does not answer."""

    FREE = auto()
    DONE = auto()
    ELSEWHERE = auto()
    UNKNOWN = auto()


def claim(message: QueueMessage) -> str:
    """The body of the start that a worker reports: it says which message the run belongs to."""
    return f"{CLAIM}{message.id}"


def judged(heard: Iterable[tuple[str, str]], mine: str, *, expired: bool) -> RunStanding:
    """heard: kind and body of the run's signals in order of arrival; mine: my own claim; expired: it ran too long.

    Of all who said that they start it since it last failed, the first one continues. The same message in other hands is
    the same claim: SQS delivers it again only when the visibility that its holder extends has run out.
    """
    claims: list[str] = []
    for kind, body in heard:
        if kind == Kind.SUCCESS:
            return RunStanding.DONE
        if kind == Kind.FAIL:
            claims = []
        elif kind == Kind.START and body.startswith(CLAIM):
            claims.append(body)
    return RunStanding.ELSEWHERE if claims and claims[0] != mine and not expired else RunStanding.FREE


def of_store(store: Store) -> Callable[[QueueMessage], RunStanding]:
    """Asks the store itself."""

    def ask(message: QueueMessage) -> RunStanding:
        try:
            found = store.load([message.job]).get(message.job)
            entries = store.history(message.job, ENTRIES) if found else []
        except WorldError as problem:
            return _unanswered(str(problem))
        signals = [entry.signal for entry in reversed(entries) if entry.signal is not None]
        heard = [(each.kind, each.body) for each in signals if each.run_id == message.run_id and _is_job(each.source)]
        runs = found.state.runs if found else ()
        expired = any(run.expired for run in runs if run.id == message.run_id)
        return judged(heard, claim(message), expired=expired)

    return ask


def of_api(url: str, key: str) -> Callable[[QueueMessage], RunStanding]:
    """Asks the API, which returns the job's latest ten slots. url: without /api; key: a read-only one will do."""
    if not url.startswith(("http://", "https://")):
        raise BadSetting(f"HEARTBEAT_API is {url!r}; give it the form https://heartbeat.example.org")

    def ask(message: QueueMessage) -> RunStanding:
        request = Request(f"{url.rstrip('/')}/api/jobs/{message.job}", headers={"Authorization": f"Bearer {key}"})  # noqa: S310 - it is http(s), as was checked
        try:
            with _opener().open(request, timeout=TIMEOUT) as answer:
                if answer.status == HTTPStatus.OK:
                    return _of_facts(json.loads(answer.read(ANSWER_MAX)), message)
                said = veiled(answer.read(SHOWN).decode(errors="replace"), [key])
                return _unanswered(f"{url} answered {answer.status} {said}")
        except (OSError, ValueError, LookupError, TypeError) as problem:
            return _unanswered(f"{url}: {veiled(repr(problem), [key])}")

    return ask


def _opener() -> OpenerDirector:
    """Like the client's: uses the environment's proxies, but follows no redirects, which would get the key."""
    opener = OpenerDirector()
    for handler in (ProxyHandler, HTTPHandler, HTTPSHandler):
        opener.add_handler(handler())
    return opener


def of_environment() -> Callable[[QueueMessage], RunStanding] | None:
    """Asks the API that HEARTBEAT_API and HEARTBEAT_API_KEY name, if they do. Raises BadSetting."""
    url, key = (os.environ.get(name, "").strip() for name in ("HEARTBEAT_API", "HEARTBEAT_API_KEY"))
    if bool(url) != bool(key):
        raise BadSetting("HEARTBEAT_API and HEARTBEAT_API_KEY go together; set both, or neither")
    return of_api(url, key) if url else None


def _of_facts(facts: dict[str, Any], message: QueueMessage) -> RunStanding:
    signals = [each for slot in facts["slots"] for each in slot["signals"]]
    signals += [note["signal"] for note in facts["notes"] if note["signal"]]
    own = [each for each in signals if each["run_id"] == message.run_id and _is_job(each["source"])]
    heard = [(each["kind"], each["body"]) for each in sorted(own, key=lambda each: str(each["received"]))]
    expired = any(run["expired"] for run in facts["runs"] if run["id"] == message.run_id)
    return judged(heard, claim(message), expired=expired)


def _is_job(source: str) -> bool:
    """Whether the job said it: what the trigger says about its own call does not count."""
    return source != "trigger"


def _unanswered(why: str) -> RunStanding:
    warn(f"beginning the run without knowing whether it is done or under way: {why}")
    return RunStanding.UNKNOWN


class Memory:
    """What this machine remembers about one run; in HEARTBEAT_STATE, like the locks of `exec`."""

    def __init__(self, message: QueueMessage) -> None:
        self._run, self._state = message.run_id, MachineState(f"{NAME}{message.run_id}")

    def claim(self, held: ExitStack) -> RunStanding:
        """Lock it until `held` ends."""
        refusal = self._state.claim(held, self._run)
        if refusal is None:
            return RunStanding.FREE
        if refusal[0] == NO_STATE:
            warn(f"this machine remembers no runs: {refusal[1]}")
            return RunStanding.UNKNOWN
        return RunStanding.ELSEWHERE if refusal[0] == BUSY else RunStanding.DONE

    def done(self) -> None:
        """Call this while it is locked. Never raises: the run is done."""
        with suppress(OSError, AttributeError):  # it could not be opened
            self._state.add(self._run)


def forget(now: float) -> None:
    """Remove what is too old to matter. now: seconds since the epoch."""
    for path in Path(MachineState("").folder).glob("run%20*.lock"):
        with suppress(OSError):
            if path.stat().st_mtime < now - KEPT:
                path.unlink()
