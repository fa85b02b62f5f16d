"""A page of the documentation, taken apart: what the tests run is what the page shows."""

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
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
        """With the reader's own in place of what the page shows. What the page shows: value."""
        text = self.text
        for shown, value in own.items():
            assert shown in text, f"{shown!r} is not in the block under {self.heading!r}"
            text = text.replace(shown, value)
        return text


class Page:
    """path: below docs/."""

    def __init__(self, path: str) -> None:
        self.text = (ROOT / "docs" / path).read_text(encoding="utf-8")

    def blocks(self, language: str = "") -> list[Block]:
        """All of them, or those of one language."""
        found, heading = [], ""
        for piece in _PIECE.finditer(self.text):
            heading = piece["heading"] or heading
            if piece["language"]:
                found.append(Block(heading=heading, language=piece["language"], text=piece["text"]))
        return [one for one in found if language in {"", one.language}]

    def block(self, heading: str, *, of: int = 1, number: int = 0) -> Block:
        """The block under a heading that has `of` of them."""
        found = [one for one in self.blocks() if one.heading == heading]
        assert len(found) == of, f"{len(found)} blocks under {heading!r}, not {of}"
        return found[number]

    def file(self, path: str) -> Block:
        """The one block that says that it is this file."""
        found = [one for one in self.blocks() if (first := _PATH.match(one.text)) and first[1] == path]
        assert len(found) == 1, f"{len(found)} blocks say that they are {path!r}"
        return found[0]
