"""docs/snippets.md, taken apart: what the tests run is what the page shows."""

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "snippets.md").read_text(encoding="utf-8")
ADDRESS, KEY = "https://heartbeat.example.org", "0123456789abcdefghijkl"
"""What the page shows, and every reader puts their own for."""
_PIECE = re.compile(r"^## (?P<heading>.+?)$|^```(?P<language>\w+)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
_PATH = re.compile(r"\A(?:<\?php\n)?(?:#|//) (\S+)$", re.MULTILINE)


@dataclass(frozen=True, kw_only=True)
class Block:
    heading: str
    language: str
    text: str

    @property
    def path(self) -> str:
        """The file that the block says it is."""
        found = _PATH.match(self.text)
        assert found, f"a block under {self.heading!r} does not name its file in its first line"
        return found[1]

    def filled(self, **own: str) -> str:
        """With the reader's own in place of what the page shows. ADDRESS, KEY or other names of this module: value."""
        text = self.text
        for shown, value in own.items():
            assert shown in text, f"{shown!r} is not in the block under {self.heading!r}"
            text = text.replace(shown, value)
        return text


def blocks() -> list[Block]:
    found, heading = [], ""
    for piece in _PIECE.finditer(PAGE):
        heading = piece["heading"] or heading
        if piece["language"]:
            found.append(Block(heading=heading, language=piece["language"], text=piece["text"]))
    return found


def block(heading: str, *, of: int = 1, number: int = 0) -> Block:
    """The block under a heading that has `of` of them."""
    found = [one for one in blocks() if one.heading == heading]
    assert len(found) == of, f"{len(found)} blocks under {heading!r}, not {of}"
    return found[number]
