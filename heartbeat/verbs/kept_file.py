"""What the jobs file last said about channels, kept beside the jobs: should the file break, people are still told."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Struct

from heartbeat.errors import BadConfig, NotAgreed
from heartbeat.verbs import documents

if TYPE_CHECKING:
    from heartbeat.config import Config
    from heartbeat.errors import CallerError
    from heartbeat.store.protocol import Store

JOBS_FILE = "jobs-file"
"""The illness of a file that cannot be read or is not applied."""
LAST_GOOD = "jobs_file"
"""Document: what is kept."""


class KeptFile(Struct, frozen=True, kw_only=True):
    """The last good definitions without the jobs, which are in the store. path: where the file was."""

    path: str
    digest: str
    channels: dict[str, dict[str, Any]]
    service: tuple[str, ...]
    fallback: tuple[str, ...]


def keep(store: Store, config: Config, path: str) -> None:
    """Remember this file as the last good one. Nothing is written while it stays the same."""
    channels = {name: dict(settings) for name, settings in config.channels.items()}
    new = KeptFile(path=path, digest=config.digest, channels=channels, service=config.service, fallback=config.fallback)
    if kept(store) != new:
        documents.edit(store, LAST_GOOD, lambda _: msgspec.to_builtins(new), "others kept writing the jobs file")


def kept(store: Store) -> KeptFile | None:
    """The last good definitions, None when there never were any."""
    value = store.document(LAST_GOOD).value
    try:
        return None if value is None else msgspec.convert(value, KeptFile)
    except msgspec.ValidationError:  # another version's
        return None


def ailing(problem: CallerError, name: str) -> str:
    """The illness in words. Strangers can read it in /healthz, so nothing of the file's content is in it."""
    if isinstance(problem, NotAgreed):
        return problem.brief
    stays = "the definitions before it stay in force"
    if not isinstance(problem, BadConfig):
        return f"the jobs file {name} cannot be used: {problem}; {stays}"
    line, column, first = _placed(problem.problems[0])
    if first.startswith(("the file ", "the folder ")):
        return f"the jobs file {name} cannot be used: {first}; {stays}"
    more = f" and {len(problem.problems) - 1} more" if problem.problems[1:] else ""
    place = f"mistake at line {line}, column {column}{more}"
    return f"the jobs file {name} cannot be used: {place}; {stays}; `heartbeat check` and the log say what it is"


def gone(name: str) -> str:
    """The illness of a file that is not there any more."""
    return f"the jobs file {name} is gone; the definitions before it stay in force"


def _placed(problem: str) -> tuple[str, str, str]:
    place, _, text = problem.partition(": ")
    return *_last_two(place), text


def _last_two(place: str) -> tuple[str, str]:
    _, line, column = place.rsplit(":", 2)
    return line, column
