"""docs/recipes/cron-on-the-web-server.md: the app in PHP, by a real HTTP server, started by a real trigger."""

import os
import shutil
import socket
import subprocess
import time
from contextlib import suppress

import pytest
import yaml
from ministack import free_port
from pages import ROOT, Page
from receiver import Receiver, listening

from heartbeat.errors import StartFailed
from heartbeat.model import MINUTE, Trigger
from heartbeat.targets.build import build
from heartbeat.targets.protocol import StartCall

PAGE = Page("recipes/cron-on-the-web-server.md")
SETTINGS = yaml.safe_load(PAGE.file("jobs.yaml").text)["jobs"]["daily"]["trigger"]["http"]
BATCHES = """<?php
$batches = [
    'daily' => function () { file_put_contents(getenv('RAN'), "daily\\n", FILE_APPEND); },
    'broken' => function () { throw new RuntimeException('no disk left'); },
];
"""
RUN = "0b7c9d6e-1111-4222-8333-444444444444"


@pytest.fixture
def pings():
    """What the app tells: stands for Heartbeat's ping API."""
    with listening(Receiver()) as made:
        yield made


@pytest.fixture
def app(tmp_path, pings):
    """The page's file below PHP's own web server: its address, and what ran."""
    for folder in ("public", "lib"):
        (tmp_path / folder).mkdir()
    (tmp_path / "public/batch.php").write_text(PAGE.file("public/batch.php").text)
    (tmp_path / "lib/batches.php").write_text(BATCHES)
    shutil.copy(ROOT / "clients/php/Heartbeat.php", tmp_path / "lib")
    port, ran = free_port(), tmp_path / "ran"
    told = {
        "HEARTBEAT_URL": pings.url,
        "HEARTBEAT_PING_KEY": "key-of-the-tests",
        "RAN": str(ran),
        "BATCH_TOKEN": "s3cret",
    }
    server = subprocess.Popen(
        ["php", "-S", f"127.0.0.1:{port}", "-t", str(tmp_path / "public")],
        env={"PATH": os.environ["PATH"], **told},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    _until_it_listens(port)
    yield f"http://127.0.0.1:{port}/batch.php", lambda: ran.read_text().split() if ran.exists() else []
    server.terminate()
    server.wait(20)


def _until_it_listens(port):
    end = time.monotonic() + 20
    while time.monotonic() < end:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.05)
    raise AssertionError("PHP's web server did not come up")


def start(url, job="daily", secret="s3cret"):  # noqa: S107 - that of the test's own app
    settings = SETTINGS | {"url": url, "token": secret, "idempotent": False, "timeout": 15 * MINUTE}
    target = build(Trigger(kind="http", settings=settings), resolve=lambda text: text)
    return target.start(StartCall(slug=job, run_id=RUN, slot=1_764_255_600_000, timezone="Asia/Tokyo"), lambda: None)


def heard(pings):
    return [(asked.path.partition("?")[0].rpartition("/daily")[2], f"rid={RUN}" in asked.path) for asked in pings.asked]


def test_a_batch_runs_and_its_pings_join_the_run_that_was_started(app, pings):
    url, ran = app
    assert start(url).text == "200 OK"
    assert ran() == ["daily"]
    assert heard(pings) == [("/start", True), ("", True)]


def test_a_wrong_token_starts_nothing(app, pings):
    url, ran = app
    with pytest.raises(StartFailed, match="answered 403 Forbidden: wrong token") as refused:
        start(url, secret="another")
    assert (refused.value.again, ran(), pings.asked) == (False, [], [])


def test_a_batch_that_is_not_there(app, pings):
    with pytest.raises(StartFailed, match="answered 404 Not Found: no such batch"):
        start(app[0], job="weekly")
    assert pings.asked == []


def test_a_batch_that_throws_is_told_by_both(app, pings):
    with pytest.raises(StartFailed, match="answered 500"):
        start(app[0], job="broken")
    begun, failed = pings.asked
    assert begun.path.startswith("/ping/key-of-the-tests/broken/start")
    assert failed.path.startswith("/ping/key-of-the-tests/broken/fail")
    assert failed.body.decode().splitlines()[-1] == "RuntimeException: no disk left"
