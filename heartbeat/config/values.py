"""The kinds of values a key may have: how each is read, its JSON schema, and its name in the docs.

A reader gets a Located and returns the value as `model.Job` wants it, or raises Mistake.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from heartbeat.config.findings import nearest, quoted
from heartbeat.errors import BadSchedule
from heartbeat.schedule import parse_duration
from heartbeat.schedule.read import READERS
from heartbeat.schedule.zones import zone

if TYPE_CHECKING:
    from collections.abc import Callable

    from heartbeat.config.located import Located

SLUG = r"[a-z0-9_-]{1,100}"
"""Healthchecks: what a slug looks like."""
UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
COUNT_MAX = 1000
LIST_MAX = 100
SIZE_MAX = 50 * 10**12
"""Bytes of the largest object that S3 stores."""
_UNITS = {"": 1, "B": 1, **{f"{p}B": 1000**n for n, p in enumerate("kMGT", 1)}, "KB": 1000}
_UNITS |= {f"{p}iB": 1024**n for n, p in enumerate("KMGT", 1)}
_SIZE = r"([0-9]{1,15})(\.[0-9]{1,3})? ?(B|[kKMGT]B|[KMGT]iB)?"
_DURATION = r"(?=.)([0-9]+w)?([0-9]+d)?([0-9]+h)?([0-9]+m)?([0-9]+s)?"
_NUMBER = r"[-+]?[0-9]{1,15}(\.[0-9]{1,15})?"
_URL = r"https?://[^\s/?#]+[^\s]*"
_UNPRINTABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\u2028\u2029]")


class Type(Struct, frozen=True, kw_only=True):
    """A kind of value. words: its name in the docs; schema: its fragment of JSON schema."""

    words: str
    schema: dict[str, Any]
    read: Callable[[Located], Any]


def text(most: int, words: str = "text", *, lines: bool = False) -> Type:
    """A text of at most `most` characters, on one line unless `lines`."""

    def read(spot: Located) -> str:
        value = spot.text().strip()
        if not value:
            raise spot.mistake("is empty; write a text, or leave out the key")
        if len(value) > most:
            raise spot.mistake(f"has {len(value):,} characters; at most {most:,} are kept")
        if (bad := _UNPRINTABLE.search(value)) or (not lines and (bad := re.search(r"[\n\t]", value))):
            raise spot.mistake(f"holds the character {bad[0].encode('unicode_escape').decode()}; leave it out")
        return value

    return Type(words=words, schema={"type": "string", "minLength": 1, "maxLength": most}, read=read)


def matching(form: str, most: int, words: str, remedy: str) -> Type:
    """A text that matches a regular expression as a whole."""
    plain = text(most)

    def read(spot: Located) -> str:
        value = str(plain.read(spot))
        if not re.fullmatch(form, value):
            raise spot.mistake(f"{quoted(value)} is no {words}; {remedy}")
        return value

    return Type(words=words, schema={**plain.schema, "pattern": f"^{form}$"}, read=read)


def duration(*, zero: bool) -> Type:
    """A length of time in milliseconds."""

    def read(spot: Located) -> int:
        value = spot.scalar()
        try:
            ms = parse_duration(value)
        except BadSchedule as bad:
            remedy = "" if "longer" not in bad.problem else f" (it {bad.problem})"
            raise spot.mistake(f"{quoted(value)} is not a duration{remedy}; write 90s, 15m, 1h30m or 2d") from None
        if not ms and not zero:
            raise spot.mistake(f"{quoted(value)} is no time at all; write 90s, 15m, 1h30m or 2d, or leave out the key")
        return ms

    form = _DURATION if zero else f"(?=.*[1-9]){_DURATION}"
    return Type(words="duration", schema={"type": "string", "pattern": f"^{form}$", "maxLength": 40}, read=read)


def optional(inner: Type) -> Type:
    """The same, or `null` to undo what `defaults` says."""
    schema = {**inner.schema, "type": [inner.schema["type"], "null"]}
    if "enum" in schema:
        schema["enum"] = [*schema["enum"], None]

    def read(spot: Located) -> object:
        return None if spot.is_null(written=True) else inner.read(spot)

    return Type(words=f"{inner.words}, or null", schema=schema, read=read)


def many(inner: Type, *, most: int = LIST_MAX, least: int = 0) -> Type:
    """One value or a list of them, without repeats."""

    def read(spot: Located) -> tuple[Any, ...]:
        found: list[Any] = []
        for element in spot.elements():
            with spot.findings.kept():
                value = inner.read(element)
                if value in found:
                    raise element.mistake(f"{quoted(str(value))} appears twice; remove one")
                found.append(value)
        if not least <= len(spot.elements()) <= most:
            raise spot.mistake(f"write {least} to {most} values; there are {len(spot.elements())}")
        return tuple(found)

    listed = {"type": "array", "items": inner.schema, "uniqueItems": True, "maxItems": most, "minItems": least}
    return Type(words=f"{inner.words}, or a list", schema={"anyOf": [inner.schema, listed]}, read=read)


def one_of(known: tuple[str, ...], words: str) -> Type:
    """One of a few words."""

    def read(spot: Located) -> str:
        value = spot.text()
        if value not in known:
            hint = nearest(value, known) or f"; write one of {', '.join(known)}"
            raise spot.mistake(f"{quoted(value)} is no {words}{hint}")
        return value

    return Type(words=", ".join(f"`{word}`" for word in known), schema={"type": "string", "enum": [*known]}, read=read)


def read_zone(spot: Located) -> str:
    """An IANA name that this machine knows."""
    name = spot.text()
    try:
        return zone(name).name
    except BadSchedule as bad:
        raise spot.mistake(f"{quoted(name)} {bad.problem}; {bad.remedy}") from None


def read_flag(spot: Located) -> bool:
    """True or false, unquoted."""
    value = spot.plain()
    if not isinstance(value, bool):
        raise spot.mistake("write true or false, without quotes")
    return value


def read_count(spot: Located) -> int:
    """A count, from 1."""
    value = spot.plain()
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= COUNT_MAX:
        raise spot.mistake(f"write a whole number from 1 to {COUNT_MAX}")
    return value


def read_number(spot: Located) -> float:
    """A number as people write it: -1, 2.5."""
    value = spot.scalar()
    if not re.fullmatch(_NUMBER, value):
        raise spot.mistake(f"{quoted(value)} is not a number; write 1 or 2.5")
    return float(value)


def read_size(spot: Located) -> int:
    """Bytes, with a decimal (kB, MB) or binary (KiB, MiB) unit or none."""
    value = spot.scalar()
    form = re.fullmatch(_SIZE, value)
    if not form:
        raise spot.mistake(f"{quoted(value)} is not a size; write 500, 10kB, 10MB or 1.5GiB")
    size: int = round(float(form[1] + (form[2] or "")) * _UNITS[form[3] or ""])
    if size > SIZE_MAX:
        raise spot.mistake(f"{quoted(value)} is more than the 50 TB that S3 takes")
    return size


ZONE = Type(words="IANA time zone", schema={"type": "string", "minLength": 1}, read=read_zone)
FLAG = Type(words="true or false", schema={"type": "boolean"}, read=read_flag)
COUNT = Type(
    words="whole number from 1", schema={"type": "integer", "minimum": 1, "maximum": COUNT_MAX}, read=read_count
)
NUMBER = Type(words="number", schema={"type": "number"}, read=read_number)
SIZE = Type(
    words="size",
    schema={"type": ["string", "integer"], "pattern": f"^{_SIZE}$", "minimum": 0, "maximum": SIZE_MAX},
    read=read_size,
)
URL = matching(_URL, 2000, "URL", "write it with https:// in front")
TAG = matching(r"[^\s,]{1,50}", 50, "tag", "write a word without spaces and commas")
NAME = matching(SLUG, 100, "channel name", "write small letters, digits, - and _")
DIALECT = one_of(tuple(READERS), "dialect")
EXPRESSION = text(1000, "schedule", lines=True)
