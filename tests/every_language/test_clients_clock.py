"""Clients whose clock is wrong: the times that they send are corrected, and people are told of the clock."""

import subprocess
import sys
import time

import faketime
import pytest
from languages import LANGUAGES
from served import KEY, Served

OFF = {"-40m": 2_400, "+3h": -10_800}
PROGRAM = [sys.executable, "-c", "import sys; from heartbeat.doors.cli import main; sys.exit(main())"]
WORDS = {"-40m": "slow", "+3h": "fast"}
SLUGS = {(name, off): f"{name}-{word}" for name in (*LANGUAGES, "exec") for off, word in WORDS.items()}
JOBS = "jobs:\n" + "".join(f"  {slug}: {{schedule: every 30m, grace: 1m}}\n" for slug in SLUGS.values())


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with Served(tmp_path_factory.mktemp("clocks"), jobs=JOBS) as server:
        yield server


@pytest.mark.parametrize("off", OFF)
def test_the_times_of_a_client_whose_clock_is_wrong_are_corrected(told, server, language, off):
    slug = SLUGS[language.name, off]
    environ = faketime.off_by(off) | {"HEARTBEAT_URL": f"http://127.0.0.1:{server.port}", "HEARTBEAT_PING_KEY": KEY}
    began = time.time()
    before = {"at": round(began - 600 - OFF[off], 3)}
    calls = [{"call": "success", "slug": slug}, {"call": "success", "slug": slug, "options": before}]
    done = told(calls, **environ)
    assert (done.results, faketime.without_its_own_words(done.stderr)) == ([True, True], "")
    late, now = sorted(server.history(slug), key=lambda signal: signal.at)
    assert began - 2 <= now.at / 1000 <= time.time() + 2
    assert abs(late.at / 1000 - (began - 600)) < 15
    assert [abs(signal.skew / 1000 - OFF[off]) < 15 for signal in (late, now)] == [True, True]


@pytest.mark.parametrize("off", OFF)
def test_a_command_run_by_exec_is_corrected_too(server, off):
    slug = SLUGS["exec", off]
    environ = faketime.off_by(off) | {"HEARTBEAT_URL": f"http://127.0.0.1:{server.port}", "HEARTBEAT_PING_KEY": KEY}
    began = time.time()
    command = [*PROGRAM, "exec", slug, "--", "true"]
    assert subprocess.run(command, env=environ, check=False, capture_output=True, timeout=60).returncode == 0
    signals = server.history(slug)
    assert len(signals) == 2
    assert all(began - 2 <= signal.at / 1000 <= time.time() + 2 for signal in signals)
    assert all(abs(signal.skew / 1000 - OFF[off]) < 15 for signal in signals)
