"""Several files as one configuration: each with its own owner, defaults and channels, and none in another's way."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import Struct, field

from heartbeat.config.declared import ConfigFile
from heartbeat.config.findings import Findings, printable, quoted
from heartbeat.config.jobs import DeclaredJob, Defaults

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from heartbeat.config.located import Located

NAME_MAX = 100


class Part(Struct, kw_only=True):
    """One file as read. included: by another one, to which its jobs belong unless it has a `name`."""

    findings: Findings
    owner: str
    path: str = ""
    included: bool = False
    root: Located | None = None
    top: dict[str, Any] = field(default_factory=dict)
    channels: dict[str, Any] = field(default_factory=dict)
    service: dict[str, Any] = field(default_factory=dict)
    defaults: Defaults = field(default_factory=Defaults)
    entries: list[DeclaredJob] = field(default_factory=list)

    def naming(self) -> list[Located]:
        """Every place where channels are named."""
        sections = [self.top[name].entries() for name in ("defaults", "service") if name in self.top]
        spots = [section[key] for section in sections for key in ("notify", "fallback") if key in section]
        return spots + [entry.own["notify"] for entry in self.entries if "notify" in entry.own]

    def own_channels(self) -> dict[str, Located]:
        """Where its channels are written."""
        return self.top["channels"].entries() if "channels" in self.top else {}


def name_of(parts: Sequence[Part]) -> str:
    """What the whole is called: as its one file, or by all owners."""
    return ", ".join(dict.fromkeys(part.owner for part in parts if not part.included))[:NAME_MAX]


def origins(parts: Sequence[Part]) -> tuple[ConfigFile, ...]:
    """Where the owners are declared. Keeps a mistake for two files that are taken for one."""
    found: dict[str, Part] = {}
    for part in parts:
        if part.included and "name" not in part.top:
            continue
        first = found.setdefault(part.owner, part)
        if first is not part and not ("name" in part.top and "name" in first.top) and part.root:
            problem = f"belongs to {quoted(part.owner)}, as {printable(first.path)} does; write a `name:`"
            part.findings.mistake(part.root.mistake(problem))
    return tuple(ConfigFile(owner=owner, path=part.path, named="name" in part.top) for owner, part in found.items())


def join_channels(parts: Sequence[Part]) -> dict[str, Any]:
    """All channels by name. Keeps a mistake for two different ones of one name."""
    joined: dict[str, Any] = {}
    first: dict[str, Part] = {}
    for part in parts:
        for name, settings in part.channels.items():
            if joined.setdefault(name, settings) != settings:
                problem = f"{first[name].findings.name} has another channel of this name; give one of them another name"
                part.findings.mistake(part.top["channels"].key(name).mistake(problem))
            first.setdefault(name, part)
    return joined


def check_doubles(parts: Sequence[Part]) -> None:
    """Keep a mistake for each job that two files declare, and for a second `service`."""
    seen: dict[str, str] = {}
    for where, key, spot, part in _claims(parts):
        if key in seen:
            part.findings.mistake(spot.mistake(f"{where} stands in {seen[key]}, too; leave one"))
        else:
            seen[key] = f"{part.findings.name}:{spot.place.line}"


def _claims(parts: Sequence[Part]) -> Iterator[tuple[str, str, Located, Part]]:
    for part in parts:
        if "service" in part.top:
            yield "`service`", "", part.top["service"], part
        for entry in part.entries:
            yield "this job", entry.slug, part.top["jobs"].key(entry.slug), part
