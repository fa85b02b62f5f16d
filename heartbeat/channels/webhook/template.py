"""A webhook's own body: text with `${job}`, `${headline}` and so on, each escaped so that it cannot break out."""

from __future__ import annotations

import json
import re
from html import escape
from typing import TYPE_CHECKING
from urllib.parse import quote_plus

from msgspec import Struct

from heartbeat.channels.body import texts
from heartbeat.model import Alert, Event
from heartbeat.secrets import UNKNOWN
from heartbeat.text.alert_text import compose

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

PLACE = re.compile(r"\$\{([^}]*)\}")
FIELDS = tuple(sorted(texts(compose([Alert(id="", event=Event.TEST, at=0)], 0), "")))
"""What a template may name. `body` says what they mean; `subject` and `message` are the whole in words."""
_SAMPLE = {**dict.fromkeys(FIELDS, "words"), "count": "1", "schema_version": "1"}
"""Only these two are numbers in every message: any other field without quotes would be no JSON some day."""
_OTHER_WORDS = {"slug": "job", "name": "job", "status": "event", "title": "headline"}


class Template(Struct, frozen=True):
    """A text with placeholders, and the content type that says how their values are escaped."""

    text: str
    content_type: str

    def flaw(self) -> str:
        """What is wrong with it, phrased to follow its name; "" for nothing."""
        unknown = [place for place in PLACE.findall(self.text) if place not in FIELDS]
        if unknown:
            return f"names ${{{unknown[0]}}}, which does not exist{_hint(unknown[0])}; there are {', '.join(FIELDS)}"
        if self._is_json() and UNKNOWN not in self.content_type:
            try:
                json.loads(self.fill(_SAMPLE))
            except ValueError as error:
                return f"is no JSON ({error}); write JSON with the fields in quotes, or set the header Content-Type"
        return ""

    def fill(self, values: Mapping[str, str]) -> str:
        """The text with its placeholders filled."""
        return PLACE.sub(lambda place: self._written(values[place[1]]), self.text)

    def _written(self, value: str) -> str:
        if self._is_json():
            return json.dumps(value)[1:-1]
        if _is(("urlencoded",), self.content_type):
            return quote_plus(value)
        return escape(value) if _is(("xml", "html"), self.content_type) else value

    def _is_json(self) -> bool:
        return _is(("json",), self.content_type)


def _hint(field: str) -> str:
    from difflib import get_close_matches  # noqa: PLC0415 - for mistakes alone

    near = [_OTHER_WORDS[field]] if field in _OTHER_WORDS else get_close_matches(field, FIELDS, n=1)
    return f"; did you mean ${{{near[0]}}}?" if near else ""


def _is(words: Iterable[str], content_type: str) -> bool:
    """Whether a content type, in upper or lower case, belongs to one of these families."""
    return any(word in content_type.lower() for word in words)
