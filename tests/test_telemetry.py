"""One event, one line, whatever is in it."""

import io
import json

import pytest

from heartbeat.telemetry import Happened, Log


class TestTelemetry:
    def test_every_event_has_words(self):
        assert all(event.words for event in Happened)

    @pytest.mark.parametrize("style", ["text", "json"])
    def test_one_line_whatever_is_in_it(self, style):
        out = io.StringIO()
        log = Log(lambda: 1_795_350_000.25, style, out)
        log.tell(Happened.STRAY, job='a\nb"\x1b[31m', nearest=None, count=3)
        assert out.getvalue().count("\n") == 1
        assert "\x1b" not in out.getvalue()
        assert out.getvalue().startswith(("2026-11-22T12:20:00.250Z", '{"time": "2026-11-22T12:20:00.250Z"'))
        if style == "json":
            assert json.loads(out.getvalue())["job"] == 'a\\nb"\\x1b[31m'
