"""What a jobs file says, and its compiled form (JSON) for places that read no YAML."""

from __future__ import annotations

from collections.abc import Mapping  # noqa: TC003 - msgspec reads the types at run time
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from heartbeat.errors import BadConfig
from heartbeat.model import Job  # noqa: TC001 - the same


class ConfigFile(Struct, frozen=True, kw_only=True):
    """One file of a configuration.

    owner: of its jobs; path: where it lies, "" where there is no file; named: it says itself who owns its jobs.
    """

    owner: str
    path: str = ""
    named: bool = True


BUILD = "the stack's build"
"""The path of a file that was compiled: it is built now here and now there, and is the same file."""
CONFIRM_LENGTH = 12
"""Letters of a digest that confirm it."""


class Config(Struct, frozen=True, kw_only=True):
    """What a file says.

    name: who owns its jobs (Job.source); channels: {name: {kind: settings}}, `${…}` unresolved; service: who hears
    about the service itself; fallback: who hears what another channel does not take, empty: all others; digest:
    depends on the meaning, not on how it is written; warnings: each with file, line and column; origins: the files it
    was read from; confirm: the beginning of the digest of which the file says that it is meant; watched: the
    files it was read from, as patterns for `glob`.
    """

    name: str
    jobs: tuple[Job, ...]
    channels: Mapping[str, Mapping[str, Any]]
    service: tuple[str, ...]
    fallback: tuple[str, ...]
    digest: str
    warnings: tuple[str, ...]
    origins: tuple[ConfigFile, ...] = ()
    confirm: str = ""
    watched: tuple[str, ...] = ()

    @property
    def owners(self) -> frozenset[str]:
        """Whose jobs these are."""
        return frozenset(origin.owner for origin in self.origins) or frozenset({self.name})

    @property
    def confirmed(self) -> bool:
        """Whether the file itself says that it is meant, whatever it removes or takes over."""
        return bool(self.confirm) and self.confirm == self.digest[:CONFIRM_LENGTH]


def compiled(config: Config) -> bytes:
    """The configuration as JSON; references such as `${env:NAME}` stay unresolved."""
    origins = tuple(replace(origin, path=origin.path and BUILD) for origin in config.origins)
    return msgspec.json.encode(replace(config, origins=origins, watched=(BUILD,) * len(config.watched)))


def load(path: str | Path) -> Config:
    """A compiled configuration. Raises BadConfig when the file is missing or from another version."""
    try:
        return msgspec.json.decode(Path(path).read_bytes(), type=Config)
    except (OSError, msgspec.DecodeError) as problem:
        told = problem.strerror if isinstance(problem, OSError) else problem
        raise BadConfig((f"{path}: no compiled jobs file ({told}); build the function again",)) from None
