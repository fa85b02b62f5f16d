"""docs/ping-api.md: every parameter that the reader knows is on the page, and each example says what the page says."""

import inspect
import re
from urllib.parse import parse_qs

import pytest
from pages import Page

from heartbeat.doors.http.ping_gate import ANSWERS, HEAD_TOO_LARGE, REFUSALS, SIZE_MAX, TOO_LARGE
from heartbeat.ingest import ping
from heartbeat.model import BODY_MAX

PAGE = Page("ping-api.md").text
KEY = "key-of-the-page"
ROWS = re.findall(r"^\| `([a-z]\w*)` \| (.+?) \| (.+?) \|$", PAGE, re.MULTILINE)
RID = "6f1b8c0e-3d5a-4c1e-9a53-0d6f6a1f2b7c"
NOW = 1_795_310_000_000
READ = {
    "rid": {"run_id": RID},
    "for": {"named": ["2026-11-22", "2026-11-22T09:00"]},
    "at": {"at": [1_795_305_731_000, 1_795_305_731_500]},
    "sent": {"skew": 4_268_500},
    "duration": {"duration": 73_200},
    "metric": {"metrics": (("rows", 1200.0), ("errors", 0.0))},
    "create": {},
}


def read(query, path=f"/ping/{KEY}/backup"):
    return ping.read(ping.target(path.encode()), query.encode(), received=NOW)


def test_every_parameter_that_the_reader_knows_is_on_the_page_and_no_other():
    known = set(re.findall(r"""given(?:\.get\(|\[)"(\w+)"|"(\w+)" in given""", inspect.getsource(ping)))
    assert [name for name, _, _ in ROWS] == list(READ)
    assert {one or other for one, other in known} == set(READ)


@pytest.mark.parametrize(("name", "examples"), [(name, re.findall(r"`(.+?)`", shown)) for name, shown, _ in ROWS])
def test_each_example_is_read_as_the_page_says(name, examples):
    for place, example in enumerate(examples):
        assert set(parse_qs(example)) == {name}
        found = read(example)
        assert found.create is (name == "create")
        for field, value in READ[name].items():
            assert getattr(found.signal, field) == (value[place] if isinstance(value, list) else value)


@pytest.mark.parametrize(
    ("ending", "kind", "status"),
    [
        ("", "success", None),
        ("/start", "start", None),
        ("/fail", "fail", None),
        ("/log", "log", None),
        ("/0", "success", 0),
        ("/255", "fail", 255),
    ],
)
def test_each_address_says_what_the_page_says(ending, kind, status):
    assert f"`/ping/KEY/JOB{ending}`" in PAGE or f"`{ending}`" in PAGE
    for who in (f"{KEY}/backup", RID):
        target = ping.target(f"/ping/{who}{ending}".encode())
        assert (target.kind, target.exit_status) == (kind, status)


def test_the_answers_and_limits_are_those_of_the_code():
    answers = {answer.status: answer.body.decode() for answer in ANSWERS.values()}
    for status in (200, 201, 404):
        assert f"| `{status}` `{answers[status]}` |" in PAGE
    for refusal in REFUSALS.values():
        assert f"`{refusal.status}` `{refusal.body.decode()}`" in PAGE
    for status in {*answers, TOO_LARGE.status, HEAD_TOO_LARGE.status}:
        assert f"`{status}`" in PAGE
    assert f"{BODY_MAX:,} bytes of at most {SIZE_MAX >> 20} MB" in PAGE
    assert f"up to {ping.METRICS_MAX}, each" in PAGE
    assert f"more than {ping.SKEW_MIN // 1000} seconds off" in PAGE
