"""docs/security.md says the limits that the code has, and every network that is never called."""

from pathlib import Path

import pytest

from heartbeat.channels.kinds import CHANNEL_KINDS
from heartbeat.channels.slack import answers
from heartbeat.channels.webhook import request
from heartbeat.config.triggers import TIMEOUT_MAX
from heartbeat.doors.api import routes
from heartbeat.doors.http import ping_gate, watchdog
from heartbeat.model import BODY_MAX, MINUTE, SECOND
from heartbeat.outbound.addresses import METADATA
from heartbeat.targets import http
from heartbeat.verbs import api_keys

PAGE = (Path(__file__).parents[1] / "docs" / "security.md").read_text(encoding="utf-8")


def row(name):
    """The cells of a table's row."""
    (line,) = [line for line in PAGE.splitlines() if line.startswith(f"| {name} |")]
    return [cell.strip() for cell in line.split("|")[2:-1]]


def test_how_long_it_takes_and_how_much_is_read_of_what_is_sent():
    assert row("`webhook`")[1:] == [f"{request.TOTAL:g} s", "the status"]
    assert row("`slack`")[1] == f"{answers.TIMEOUT:g} s"
    assert row("`slack`")[2].startswith(f"{answers.ANSWER_MAX // 1024} kB")
    times = f"{http.TIMEOUT // SECOND} s unless it says otherwise, {TIMEOUT_MAX // MINUTE} min at most"
    assert row("`trigger: {http: …}`")[1:] == [f"`timeout`, {times}", f"{BODY_MAX:,} bytes"]
    assert row("the watchdog")[1:] == [f"{watchdog.TIMEOUT:g} s", "the status"]


def test_how_much_comes_in():
    assert row("body of a ping") == [f"{ping_gate.SIZE_MAX >> 20} MB; {BODY_MAX:,} bytes are kept and shown", "413"]
    limits = f"{routes.BODY_MAX:,} bytes; {routes.TEXT_MAX} characters"
    assert row("body of a request to the API; a text in it") == [limits, "400"]
    assert f"there are at most {api_keys.KEYS_MAX}." in PAGE


@pytest.mark.parametrize("network", METADATA, ids=str)
def test_what_is_never_called(network):
    assert str(network).removesuffix("/32" if network.version == 4 else "") in PAGE


def test_the_channels_that_may_go_to_private_addresses():
    assert {name for name, kind in CHANNEL_KINDS.items() if "allow_private" in kind.keys} == {"webhook", "slack"}
