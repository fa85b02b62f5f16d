"""The tables of `docs/jobs-yaml.md`, made from the table of keys.

`python -m heartbeat.config.page docs/jobs-yaml.md` writes them into the page, between the marks
`<!-- table: job -->` and `<!-- end -->`.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from heartbeat.channels.kinds import CHANNEL_KINDS
from heartbeat.config.doubts import DOUBTS, FILE_DOUBTS
from heartbeat.config.parts import BOUND_KEYS, EVIDENCE_KEYS
from heartbeat.config.sources import KINDS
from heartbeat.config.tables import JOB_KEYS, SERVICE_KEYS, TOP_KEYS
from heartbeat.config.triggers import KINDS as TRIGGERS

if TYPE_CHECKING:
    from collections.abc import Callable

    from heartbeat.channels.kind import ChannelKind
    from heartbeat.config.keys import Key
    from heartbeat.config.sources import SourceKind

_MARKED = re.compile(r"(<!-- table: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)


def fill(page: str) -> str:
    """The page with every marked table up to date."""
    return _MARKED.sub(lambda found: f"{found[1]}{TABLES[found[2]]()}{found[3]}", page)


def _keys(keys: tuple[Key, ...]) -> str:
    shared = any(key.shared for key in keys)
    head = ["key", "value", "default", *(["in `defaults`"] if shared else []), "meaning"]
    return _table(head, [_key_row(key, shared=shared) for key in keys])


def _key_row(key: Key, *, shared: bool) -> list[str]:
    default = "**required**" if key.required else key.default
    return [f"`{key.name}`", key.type.words, default, *(["yes" if key.shared else ""] if shared else []), key.doc]


def _channels() -> str:
    rows = [_channel_row(name, kind) for name, kind in CHANNEL_KINDS.items()]
    return _table(["kind", "short form", "settings", "meaning"], rows)


def _channel_row(name: str, kind: ChannelKind) -> list[str]:
    short = f"`{{{name}: …}}` is `{{{name}: {{{kind.short}: …}}}}`" if kind.short else ""
    settings = "<br>".join(f"`{key}`: {setting.description}" for key, setting in kind.keys.items())
    return [f"`{name}`", short, settings, kind.description]


def _source_row(kind: SourceKind) -> list[str]:
    return [f"`{kind.name}`", "<br>".join(f"`{key.name}`: {key.doc}" for key in (*kind.keys, *kind.also)), kind.doc]


def _doubts() -> str:
    return "".join(f"- {each}\n" for each in (*(doubt.doc for doubt in DOUBTS if doubt.doc), *FILE_DOUBTS))


def _table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |\n" for line in lines)


TABLES: dict[str, Callable[[], str]] = {
    "top": lambda: _keys(TOP_KEYS),
    "job": lambda: _keys(JOB_KEYS),
    "evidence": lambda: _keys(EVIDENCE_KEYS),
    "bound": lambda: _keys(BOUND_KEYS),
    "sources": lambda: _table(["kind", "keys", "what it is"], [_source_row(kind) for kind in KINDS]),
    "triggers": lambda: "\n".join(f"**`{kind.name}`** {kind.doc}\n\n{_keys(kind.keys)}" for kind in TRIGGERS),
    "service": lambda: _keys(SERVICE_KEYS),
    "channels": _channels,
    "doubts": _doubts,
}


if __name__ == "__main__":
    for name in sys.argv[1:]:
        Path(name).write_text(fill(Path(name).read_text(encoding="utf-8")), encoding="utf-8")
