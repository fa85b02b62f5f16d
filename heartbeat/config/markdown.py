"""A plan as a comment of a code review: a line to read, the difference folded below it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from heartbeat.config.difference import count, render
from heartbeat.config.findings import printable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from heartbeat.config.difference import Plan

LENGTH_MAX = 60_000
"""GitHub takes 65,536 characters of a comment."""


def markdown(plan: Plan, against: Sequence[str] = ()) -> str:
    """The plan. against: why `apply` would refuse it, as sentences."""
    lines = [f"**heartbeat plan**: {count(plan)}", *(f"> [!WARNING]\n> {_inline(text)}" for text in against)]
    if not plan.empty:
        lines.append(_folded(_difference(plan)))
    return "\n\n".join(lines) + "\n"


def _folded(text: str) -> str:
    cut = text[:LENGTH_MAX].rpartition("\n")[0] + "\n… and more\n" if len(text) > LENGTH_MAX else text
    fence = "```"
    while fence in cut:  # whatever a description says, it ends no block
        fence += "`"
    return f"<details open><summary>What would change</summary>\n\n{fence}diff\n{cut.rstrip()}\n{fence}\n\n</details>"


def _difference(plan: Plan) -> str:
    """As `diff` colours it: `!` is for what changes."""
    lines = render(plan, color=False).splitlines()[:-1]
    return "\n".join(f"!{line[1:]}" if line.startswith("~") else line for line in lines)


def _inline(text: str) -> str:
    return printable(text).replace("<", "&lt;").replace("@", "@\u200b")
