"""Ruby's ways out of a block without an error: a return has done its work, a timeout and a killed thread have not."""

import subprocess
from pathlib import Path

import pytest
from languages import KEY

CLIENT = Path(__file__).parents[2] / "clients" / "ruby" / "heartbeat.rb"
DONE, NOT_DONE = [], ["fail"]
WAYS = {
    "def job = Heartbeat.run('j') { return }; job": DONE,
    "Heartbeat.run('j') { break }": DONE,
    "catch(:halt) { Heartbeat.run('j') { throw :halt } }": DONE,
    "def job = Timeout.timeout(9) { Heartbeat.run('j') { return } }; job": DONE,
    "def job = Timeout.timeout(9) { Heartbeat.run('j') { slow rescue 1; return } }; job": DONE,
    "Heartbeat.run('j') { slow } rescue 1": NOT_DONE,
    "Timeout.timeout(0.2) { Heartbeat.run('j') { sleep } } rescue 1": NOT_DONE,
    "Timeout.timeout(0.2) { Heartbeat.run('j') { Timeout.timeout(9) { sleep } } } rescue 1": NOT_DONE,
    "Thread.new { Heartbeat.run('j') { Thread.current.kill } }.join": NOT_DONE,
}
"""What is typed, and what stands at the end of the second ping's path. `slow` is a call with a timeout of its own."""


@pytest.mark.parametrize("way", WAYS)
def test_a_way_out_of_a_block(receiver, way):
    code = f"require '{CLIENT}'; def slow = Timeout.timeout(0.1) {{ sleep }}; {way}"
    environ = {"HEARTBEAT_URL": receiver.url, "HEARTBEAT_PING_KEY": KEY}
    done = subprocess.run(["ruby", "-W:no-experimental", "-e", code], env=environ, capture_output=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    assert [ping.path[3:] for ping in receiver.seen] == [["start"], WAYS[way]]
