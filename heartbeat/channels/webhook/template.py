"""A webhook's own body: text with `${job}`, `${headline}` and so on, each escaped so that it cannot break out."""

from __future__ import annotations

import json
import re
from html import escape
from typing import TYPE_CHECKING
from urllib.parse import quote_plus

from msgspec import Struct

from heartbeat.channels.body import texts
from heartbeat.errors import BadSetting
from heartbeat.model import Alert, Event
from heartbeat.text.alert_text import compose

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

PLACE = re.compile(r"\$\{([^}]*)\}")
FIELDS = tuple(sorted(texts(compose([Alert(id="", event=Event.TEST, at=0)], 0), "")))
"""What a template may name. `body` says what they mean; `subject` and `message` are the whole in words."""


class Template(Struct, frozen=True):
    """A text with placeholders, and the content type that says how their values are escaped."""

    text: str
    content_type: str

    def check(self) -> None:
        """Raises BadSetting when it names an unknown field, or would not be valid JSON."""
        unknown = [place for place in PLACE.findall(self.text) if place not in FIELDS]
        if unknown:
            raise BadSetting(f"template: there is no field ${{{unknown[0]}}}; there are {', '.join(FIELDS)}")
        if self._is_json():
            try:
                json.loads(self.fill(dict.fromkeys(FIELDS, "0")))
            except ValueError as error:
                raise BadSetting(
                    f"template: {error}; write JSON with the fields in quotes, or set the header Content-Type"
                ) from None

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


def _is(words: Iterable[str], content_type: str) -> bool:
    """Whether a content type, in upper or lower case, belongs to one of these families."""
    return any(word in content_type.lower() for word in words)
