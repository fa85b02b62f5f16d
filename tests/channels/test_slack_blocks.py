from __future__ import annotations

import json
import re

import pytest
from alert_samples import NOW, alert, recovered

from heartbeat.channels.slack.block_kit import blocks, escape, fallback, fence
from heartbeat.model import Reason, Verdict
from heartbeat.text.alert_text import compose

HOSTILE = "<!channel> & <https://evil|ok> `x` ```y``` *bold* _it_ ~no~ " + "&" * 5000


def shown(*alerts, now=NOW):
    return blocks(compose(alerts, now))


def texts(found):
    """Every text in the blocks, with the limit that Slack sets for its place."""
    for block in found:
        if "text" in block:
            yield block["text"]["text"], 3000
        for field in block.get("fields", ()):
            yield field["text"], 2000
        for element in block.get("elements", ()):
            yield element["text"], 3000


def test_a_miss_as_the_person_on_call_sees_it():
    found = shown(alert(runbook="https://wiki/x?a=1&b=2", hint="your heartbeats look like UTC", output="boom"))
    headline, fields, remarks, output, context = found
    assert headline["text"]["text"] == (
        ":red_circle: *MISSED* daily-report (prod): expected 09:00 JST, nothing by 09:10, "
        "last success yesterday 09:02 JST"
    )
    assert [field["text"] for field in fields["fields"]] == [
        "*Expected*\n2026-11-22 09:00 JST (00:00 UTC)",
        "*Deadline passed*\n09:10 JST, 21 min ago",
        "*Last success*\nyesterday 09:02 JST, 1 d ago",
        "*Last signal*\nyesterday 09:02 JST, 1 d ago",
        "*Schedule*\nat 09:00 every day, Asia/Tokyo",
        "*Next expected*\ntomorrow 09:00 JST, in 23 h 29 min",
        "*Owner*\ndata team",
        "*Environment*\nprod",
    ]
    assert remarks["text"]["text"] == (
        "*Hint* your heartbeats look like UTC\n*Runbook* <https://wiki/x?a=1&amp;b=2|Open>"
    )
    assert output["text"]["text"] == "```\nboom\n```"
    assert context["elements"][0]["text"] == "daily-report/1 · grace_ran_out · heartbeat explain daily-report"


def test_a_recovery_is_green_and_its_deadline_struck():
    headline, fields, *_ = shown(recovered())
    assert headline["text"]["text"] == ":large_green_circle: *RECOVERED* daily-report (prod): after 42 min, 3 missed"
    assert "*Deadline passed*\n~09:10 JST, 21 min ago~" in [field["text"] for field in fields["fields"]]


def test_many_are_one_list():
    (section,) = shown(*(alert(f"job{n}") for n in range(24)))
    lines = section["text"]["text"].splitlines()
    assert lines[0] == ":red_circle: *MISSED 24 jobs*"
    assert lines[1].startswith("• :red_circle: *MISSED* job0 (prod): expected 09:00 JST, nothing by 09:10")
    assert lines[11:] == ["_and 14 more_"]


def test_that_all_are_silent_comes_first():
    first, *_ = shown(*(alert(f"job{n}", silent_all=True) for n in range(12)))
    assert first["text"]["text"].startswith(":warning: *None of the 12 jobs that were due has reported:")


@pytest.mark.parametrize("count", [1, 2, 40])
def test_nothing_hostile_means_anything_and_every_limit_is_kept(count):
    hostile = [
        alert(
            f"{n}{HOSTILE}",
            environment=HOSTILE,
            owner=HOSTILE,
            description=HOSTILE,
            hint=HOSTILE,
            output=HOSTILE,
            runbook=f"https://x/{HOSTILE}",
            run_id=HOSTILE,
            schedule=HOSTILE,
            tags=(HOSTILE,),
            text=HOSTILE,
            verdict=Verdict.FAILED,
            reason=Reason.EXIT_STATUS,
            exit_status=1,
            answer=HOSTILE,
            triggered_at=NOW,
        )
        for n in range(count)
    ]
    found = shown(*hostile)
    assert len(found) <= 50
    for text, limit in texts(found):
        assert 0 < len(text) <= limit
        assert "<!" not in text
        assert "<https://evil" not in text
        assert not re.search(r"&(?!amp;|lt;|gt;)", text)
    assert "<!" not in fallback(compose(hostile, NOW))
    assert json.dumps(found).encode()


def test_a_fence_cannot_be_broken_out_of_and_shows_the_end():
    text = fence("x" * 4000 + "``` <!here> & end\n\n")
    assert text.startswith("```\n…x")
    assert text.endswith("''' &lt;!here&gt; &amp; end\n```")
    assert text.count("```") == 2
    assert len(text) <= 1510


def test_escapes_are_never_cut_in_the_middle():
    assert escape("a&b", 5) == "a…"
    assert escape("a&b", 9) == "a&amp;b"


def test_a_runbook_that_is_no_url_is_only_text():
    *_, remarks, _context = shown(alert(runbook="javascript:alert(1)|<x>"))
    assert remarks["text"]["text"] == "*Runbook* javascript:alert(1)|&lt;x&gt;"


LOG = "https://eu-west-1.console.aws.amazon.com/cloudwatch/home?region=eu-west-1#logsV2:log-groups/log-group/$252Fecs"


def test_a_log_is_a_link():
    *_, remarks, _context = shown(alert(log_url=LOG))
    assert remarks["text"]["text"] == f"*Log* <{LOG}|Open>"


def test_a_log_cannot_close_its_link():
    *_, remarks, _context = shown(alert(log_url="https://x/>|y <!channel>"))
    assert remarks["text"]["text"] == "*Log* <https://x/%3E%7Cy%20%3C!channel%3E|Open>"


def test_a_runbook_cannot_close_its_link():
    *_, remarks, _context = shown(alert(runbook="https://x/>|y <!channel>"))
    assert remarks["text"]["text"] == "*Runbook* <https://x/%3E%7Cy%20%3C!channel%3E|Open>"
