"""A number makes a request: one of the good ones with a few things wrong, seldom nothing but noise."""

import gzip
import json
import random
import zlib
from dataclasses import replace
from urllib.parse import quote_from_bytes

from fuzz.routes import Names, Request

METHODS = ("GET", "POST", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE")
OPTIONS = (
    *("rid", "for", "at", "duration", "create", "metric"),
    *("status", "check_in_id", "environment", "sentry_key", "msg", "ping"),
    *("state", "series", "message", "host", "env", "stamp", "status_code", "try", "m", "s", "limit", "after", "token"),
)
PARTS = (
    *(
        "",
        ".",
        "..",
        "start",
        "fail",
        "log",
        "run",
        "complete",
        "ok",
        "tick",
        "0",
        "255",
        "256",
        "9" * 400,
        "-1",
        "api",
    ),
    *("create", "envelope", "cron", "push", "p", "v2", "heartbeats", "ping", "sentry", "kuma", "jobs", "pause", "%00"),
    *("%2e%2e", "%2F", "%", "%zz", "%25", "%C3%A9", "%ff", "ALPHA-JOB", "x" * 300, "日本", "a.b.c", "~", ";x=1", "*"),
)
TEXTS = (
    *("", "0", "1", "-1", "255", "256", "1e999", "nan", "inf", "-inf", "0x10", "1_000", "9" * 400, "1.5", ".", "1e308"),
    *("up", "down", "ok", "error", "in_progress", "complete", "run", "timeout", "true", "null", "firing", "resolved"),
    *(
        "2026-11-22",
        "2026-11-22T09:00",
        "2026-13-45",
        "0001-01-01T00:00:00Z",
        "9999-12-31T23:59:59+14:00",
        "1970-01-01",
    ),
    *(
        "0f4cbc6e6c3f4f0b9c1d6a52b36dd08f",
        "0" * 32,
        "%00",
        "%ff%fe",
        "+",
        "&",
        "=",
        "é",
        "\x00",
        "\u2028",
        "x" * 20_000,
    ),
    *("every 1s", "* * * * *", "0 9 31 2 *", "@reboot", "Mars/Phobos", "rows:3", "duration:1.2", "rows:nan", "a:b:c"),
)
VALUES = (
    *(None, True, False, 0, -1, 1.5, 1e308, 10**30, float("nan"), float("inf"), [], {}, [[]], {"a": {}}, ["x"] * 50),
    *({"type": "crontab", "value": "* * * * *"}, {"type": "interval", "value": -1, "unit": "year"}, "\ud800", "\x00"),
)
HEADERS = (
    *((b"Content-Encoding", value) for value in (b"gzip", b"deflate", b"br", b"identity", b"gzip, gzip", b"\xff")),
    *(
        (b"Content-Type", value)
        for value in (b"application/json", b"text/plain; charset=x", b"", b"multipart/form-data")
    ),
    *(
        (b"Authorization", value)
        for value in (b"", b"GenieKey", b"GenieKey \xff", b"Bearer hbm_x", b"Basic !!", b"x" * 9_000)
    ),
    *(
        (b"X-Sentry-Auth", value)
        for value in (b"", b"Sentry", b"Sentry sentry_key=", b"Sentry sentry_key=\xe9,,=,", b"=,=")
    ),
    *((b"Heartbeat-Id", value) for value in (b"", b"same", b"\xff\xfe", b"x" * 500)),
    *((b"Expect", b"100-continue"), (b"Connection", b"close"), (b"Upgrade", b"h2c"), (b"Accept-Encoding", b"gzip")),
)
BOMB = gzip.compress(bytes(30_000_000))
DEEP = b"[" * 100_000
ODD = (
    b"",
    b"{}",
    b"null",
    b"\x00",
    b"\xff\xfe\xfd",
    b"{" * 5_000,
    DEEP,
    b'{"a":' * 20_000,
    b"9" * 6_000,
    b"\n" * 9_000,
)


def request(seed: int, names: Names, good: list[Request]) -> Request:
    """Always well framed, whatever it says."""
    dice = random.Random(seed)  # noqa: S311 - a seed makes the same request again
    made = dice.choice(good)
    for _ in range(dice.choice((0, 1, 1, 1, 2, 2, 3, 5))):
        made = dice.choice(CHANGES)(dice, made, names)
    return replace(made, path=_sendable(made.path), query=_sendable(made.query))


def garbage(seed: int, names: Names, good: list[Request]) -> bytes:
    """Bytes: a request in which some are changed, left out, doubled or put in; or none of it."""
    dice = random.Random(seed)  # noqa: S311 - a seed makes the same request again
    raw = bytearray(request(seed, names, good).wire()[:20_000])
    if dice.random() < 0.1:
        return dice.randbytes(dice.randrange(1, 400))
    head = max(raw.find(b"\r\n\r\n") + 4, 1)
    for _ in range(dice.randrange(1, 6)):
        at = dice.randrange(head if dice.random() < 0.9 else len(raw) or 1)
        piece = dice.choice((b"\r\n", b"\n", b"\x00", b" ", b":", b"\xff", b"Content-Length: 5\r\n", b"", b"HTTP/9.9"))
        raw[at : at + dice.choice((0, 0, 1, 1, 9))] = piece
    return bytes(raw)


def _sendable(raw: bytes) -> bytes:
    """What would end the request's first line is %-encoded; all else stays as odd as it is."""
    return quote_from_bytes(raw, safe="".join(map(chr, range(0x21, 0x7F)))).encode()


def _method(dice, made, _):
    return replace(made, method=dice.choice(METHODS))


def _part(dice, made, names):
    parts = made.path.split(b"/")
    at = dice.randrange(1, len(parts) + 1)
    known = (
        *names.slugs,
        *names.uuids,
        names.key,
        f"{names.key}.{dice.choice(names.slugs)}",
        "no-such-job",
        "made-too",
    )
    new = dice.choice((*PARTS, *known)).encode()
    parts[at : at + dice.randrange(2)] = [new] if dice.random() < 0.8 else []
    return replace(made, path=b"/".join(parts))


def _letter(dice, made, _):
    path = bytearray(made.path)
    at = dice.randrange(len(path)) if path else 0
    path[at : at + dice.randrange(2)] = dice.choice((b"", b"/", b"%2f", b"?", b"#", b"Z", b"\xff", b".", b"%", b"%00"))
    return replace(made, path=bytes(path))


def _encoded(dice, made, _):
    """The same path in other letters."""
    return replace(
        made, path="".join(f"%{b:02x}" if dice.random() < 0.3 else chr(b) for b in made.path).encode("latin-1")
    )


def _option(dice, made, names):
    value = dice.choice((*TEXTS, names.key, *names.slugs, *names.uuids)).encode()
    pair = dice.choice(OPTIONS).encode() + dice.choice((b"=", b"=", b"=", b"", b"[]=")) + value
    kept = [part for part in made.query.split(b"&") if part and dice.random() < 0.8]
    return replace(made, query=b"&".join([*kept, *[pair] * dice.choice((1, 1, 1, 2, 40))]))


def _header(dice, made, _):
    kept = tuple(header for header in made.headers if dice.random() < 0.8)
    return replace(made, headers=(*kept, dice.choice(HEADERS)))


def _no_headers(_, made, __):
    return replace(made, headers=())


def _framing(_, made, __):
    return replace(made, chunked=not made.chunked)


def _body(dice, made, _):
    cut = dice.randrange(len(made.body) + 1)
    odd = (
        made.body[:cut],
        made.body + made.body,
        made.body[:cut] + dice.randbytes(4) + made.body[cut:],
        dice.randbytes(300),
    )
    return replace(made, body=dice.choice((*odd, *ODD, *odd)))


def _json(dice, made, names):
    """One value of one JSON object in it is another."""
    lines = made.body.split(b"\n")
    at = dice.randrange(len(lines))
    try:
        value = json.loads(lines[at])
    except (ValueError, RecursionError):
        return made
    lines[at] = json.dumps(_otherwise(dice, value, names)).encode()
    return replace(made, body=b"\n".join(lines))


def _otherwise(dice, value, names):
    if not isinstance(value, dict) or not value or dice.random() < 0.1:
        return dice.choice((*VALUES, *TEXTS, *names.slugs))
    name = dice.choice(list(value))
    if dice.random() < 0.15:
        return {each: value[each] for each in value if each != name}
    return value | {name: _otherwise(dice, value[name], names)}


def _packed(dice, made, _):
    """Compressed, rightly or wrongly, or far too much."""
    packed = gzip.compress(made.body, mtime=0)
    forms = (packed, packed, packed[: len(packed) // 2], zlib.compress(made.body), packed + packed, made.body, BOMB)
    return replace(made, headers=(*made.headers, (b"Content-Encoding", b"gzip")), body=dice.choice(forms))


CHANGES = (
    *(_part, _part, _part, _letter, _encoded, _option, _option, _option, _method, _header, _header),
    *(_no_headers, _framing, _body, _body, _json, _json, _json, _packed),
)


def closing(made: Request) -> Request:
    """The same, after which the connection ends."""
    return replace(made, headers=(*made.headers, (b"Connection", b"close")))
