"""Every field of a good request, one after the other, with what breaks a reader that trusts what it is given."""

import gzip
import json
import re
from collections.abc import Iterator
from dataclasses import replace

from fuzz.routes import Request

LONG = 10**6
DEPTHS = (90, 500, 900, 100_000)
WRITTEN = (
    *(b"%ED%A0%80", b"%00", b"%ff%fe", b"9" * 400, b"-" + b"9" * 5_000, b"1e999", b"nan", b"0." + b"0" * 5_000),
    *(b"x" * 60_000, b"%E6%97%A5" * 5_000, b"&" * 60_000, b"%41" * 20_000),
)
"""In a path or a query."""
HEADER = (b"\xed\xa0\x80", b"\xff\xfe", b"9" * 5_000, b"x" * 60_000, b"=," * 20_000)
JSON = (
    *(b'"\\ud800"', b'"x\\udfffy"', b'"\xed\xa0\x80"', b'"\\u0000"', b'"\xff"', b"9" * 4_000, b"9" * 5_000),
    *(b"-1e999", b"1e308", b"NaN", b"-Infinity", b'"' + b"x" * LONG + b'"', b'"' + b"9" * LONG + b'"', b"[]", b"{}"),
    *(b"[" * deep + b"]" * deep for deep in DEPTHS),
    *(b'{"a":' * deep + b"1" + b"}" * deep for deep in DEPTHS),
    b'{"\\ud800": "\\udc00"}',
)
"""A value, as it is written."""
_LENGTH = re.compile(rb', "length": [0-9]+')
"""Of an item in an envelope: without it, the item goes to the end of its line."""
PLACE = "\x01place\x01"


def changed(good: Request, start: int, step: int) -> Iterator[Request]:
    """The request with one field changed: every `step`-th of the hostile values for each, from the `start`-th."""
    for fields, values in ((_paths, WRITTEN), (_options, WRITTEN), (_headers, HEADER), (_bodies, JSON)):
        for at, value in enumerate(values):
            if at % step == start % step:
                yield from fields(good, value)


def spoiled(line: bytes) -> Iterator[bytes]:
    """A JSON text with each of its values replaced by each of the hostile ones."""
    for value in JSON:
        yield from _with(line, value)


def _paths(good, value):
    parts = good.path.split(b"/")
    for at in range(1, len(parts)):
        yield replace(good, path=b"/".join([*parts[:at], value, *parts[at + 1 :]]))


def _options(good, value):
    pairs = [pair.partition(b"=")[::2] for pair in good.query.split(b"&") if pair]
    for at, (name, _) in enumerate(pairs):
        kept = [b"=".join(pair) for pair in pairs]
        yield replace(good, query=b"&".join([*kept[:at], name + b"=" + value, *kept[at + 1 :]]))
        yield replace(good, query=b"&".join([*kept, value + b"=1"]))


def _headers(good, value):
    for at, (name, _) in enumerate(good.headers):
        yield replace(good, headers=(*good.headers[:at], (name, value), *good.headers[at + 1 :]))
    yield replace(good, headers=(*good.headers, (b"Heartbeat-Id", value)))


def _bodies(good, value):
    packed = good.body.startswith(b"\x1f\x8b")
    lines = _LENGTH.sub(b"", gzip.decompress(good.body) if packed else good.body).split(b"\n")
    for at, line in enumerate(lines):
        for written in _with(line, value):
            body = b"\n".join([*lines[:at], written, *lines[at + 1 :]])
            yield replace(good, body=gzip.compress(body, 1) if packed else body)
    yield replace(good, body=value)


def _with(line, value):
    """The JSON of a line with each of its values, and each of its names, replaced by this one."""
    try:
        whole = json.loads(line)
    except ValueError:
        return
    for each in _places(whole, name=value.startswith(b'"')):
        yield json.dumps(each).encode().replace(json.dumps(PLACE).encode(), value, 1)


def _places(value, *, name):
    """The value with one place in it for another; name: also where a name stands."""
    yield PLACE
    if isinstance(value, dict):
        if name:
            yield {**value, PLACE: 1}
        for key, each in value.items():
            yield from ({**value, key: placed} for placed in _places(each, name=name))
    elif isinstance(value, list):
        for at, each in enumerate(value):
            yield from ([*value[:at], placed, *value[at + 1 :]] for placed in _places(each, name=name))
