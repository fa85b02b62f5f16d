"""Every `heartbeat …` that a page tells somebody to type is a command with options that there are."""

import re
import shlex

import pytest
from pages import ROOT

from heartbeat.doors.cli.commands import load
from heartbeat.doors.cli.parser import parse
from heartbeat.errors import BadSetting

PAGES = sorted([*(ROOT / "docs").rglob("*.md"), *ROOT.glob("*.md"), *(ROOT / "clients").glob("*.md")])
LINE = re.compile(r"^(?:    |[-*\d/@%]* ?[*] [*] [*] )?(?:[\w/.]*/)?heartbeat +(?=[a-z-])(.+)$", re.MULTILINE)
INLINE = re.compile(r"`heartbeat ([a-z][^`]+)`")
FORM = re.compile(r"[\[\]|…]|^(?:exec|COMMAND)\b|^jobs\b")
"""A form with alternatives and not a command; and `exec`, of which the rest is somebody else's."""


def commands():
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        named = [(told, "mentioned") for told in INLINE.findall(text)]
        for told, how in [*((told, "typed") for told in LINE.findall(text)), *named]:
            typed = re.split(r"\s+#\s|\s+(?:&&|\||>)\s", told.replace("\\|", "|"))[0].rstrip(" \\;")
            if not FORM.search(typed):
                yield pytest.param(typed, how, id=f"{page.name}: {typed}")


@pytest.mark.parametrize(("typed", "how"), [*commands()])
def test_what_a_page_tells_to_type_can_be_typed(typed, how):
    words = shlex.split(typed)
    while words[0] in {"--store", "--stack"}:
        words = words[2:]
    try:
        parse(f"heartbeat {words[0]}", load(words[0]), words[1:])
    except BadSetting as problem:
        if how == "typed" or "are required" not in str(problem):  # a sentence may name a command alone
            raise
