"""JSON of strangers: what comes out of it can be kept, and what cannot be read is a ValueError."""

import json

import pytest

from heartbeat.ingest.written import loaded, parsed
from heartbeat.text.sanitize import sound

HALF, NUL = "\ud800", "\0"


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("plain", "plain"),
        ("日本 💥\n\t", "日本 💥\n\t"),
        (f"a{HALF}b", "a?b"),
        ("\udc00\ud800", "??"),
        (f"a{NUL}b", "a\ufffdb"),
    ],
)
def test_a_text_that_can_be_kept(text, kept):
    assert sound(text) == kept


@pytest.mark.parametrize(
    ("written", "value"),
    [
        (b'{"a": [1, 1.5, true, null, "x"]}', {"a": [1, 1.5, True, None, "x"]}),
        (rb'"\ud83d\udca5"', "💥"),
        (rb'"\ud800"', "?"),
        (rb'{"\uDFFF": ["\ud800x", {"a": "\u0000"}]}', {"?": ["?x", {"a": "\ufffd"}]}),
        (rb'"\\ud800 \\u0000"', r"\ud800 \u0000"),
        (b'"\xed\xa0\x80"', "\ufffd\ufffd\ufffd"),
        (b'"\xff"', "\ufffd"),
        (f'"{HALF}"', "?"),
        ("\ufeff{}".encode(), {}),
        ('{"status": "fail"}'.encode("utf-16"), {"status": "fail"}),
        ('{"a": "é"}'.encode("utf-16-le"), {"a": "é"}),
    ],
)
def test_what_is_read(written, value):
    assert parsed(written) == value


@pytest.mark.parametrize(
    "written", [b"", b"\0", b"{", b"\xff", b"9" * 5_000, b"[" * 100_000, rb'["\ud800",' + b"[" * 101 + b"]" * 102]
)
def test_what_cannot_be_read(written):
    with pytest.raises(ValueError, match=r".+"):
        parsed(written)


def test_as_it_is():
    assert loaded(json.dumps({"a": HALF})) == {"a": HALF}
