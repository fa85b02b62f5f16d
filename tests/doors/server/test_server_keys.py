"""A running server takes up a rotated key by itself, and drops the old one at its end."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from served import Served

HEARTBEAT = Path(sys.executable).with_name("heartbeat")


@pytest.fixture
def server(tmp_path):
    """One that keeps its key itself."""
    with Served(tmp_path, HEARTBEAT_PING_KEY="") as server:
        yield server


def key(server, *argv):
    environ = {name: value for name, value in os.environ.items() if not name.startswith("HEARTBEAT_")}
    done = subprocess.run(
        [HEARTBEAT, "key", *argv], cwd=server.folder, capture_output=True, text=True, check=False, env=environ
    )
    return done.returncode, done.stdout.splitlines(), done.stderr


def status(server, ping_key):
    return server.ask("GET", f"/ping/{ping_key}/backup").status


def until(seconds, true):
    deadline = time.monotonic() + seconds
    while not true() and time.monotonic() < deadline:
        time.sleep(0.05)
    return true()


def test_key_rotate_and_a_running_server_takes_both_then_the_new_one_alone(server):
    old = server.document("ping-key")
    assert status(server, old) == 200
    code, (new, taken, *_), err = key(server, "rotate", "--keep", "6s")
    assert (code, err, taken.startswith(f"{old} is taken until ")) == (0, "", True)
    assert until(10, lambda: status(server, new) == 200)
    assert key(server, "show")[1][0] == new
    assert until(10, lambda: status(server, old) == 404)
    assert status(server, new) == 200
    assert server.log.count("the ping keys are others than before") == 2


def test_a_front_that_is_replaced_after_a_rotation_takes_the_new_key(server):
    new = key(server, "rotate", "--keep", "0s")[1][0]
    assert until(10, lambda: status(server, new) == 200)
    before = server.front
    os.kill(before, signal.SIGKILL)
    assert until(10, lambda: server.front not in {0, before})
    assert status(server, new) == 200


def test_an_old_key_opens_nothing_at_other_services_addresses_either(server):
    old = server.document("ping-key")
    path = "/kuma/api/push/{}.backup?status=up"
    assert server.ask("GET", path.format(old)).status == 200
    new = key(server, "rotate", "--keep", "0s")[1][0]
    assert until(10, lambda: status(server, new) == 200)
    assert (server.ask("GET", path.format(new)).status, server.ask("GET", path.format(old)).status) == (200, 404)


def test_key_rotate_beside_a_server_with_keys_in_its_environment_says_where_to_change_them(tmp_path):
    with Served(tmp_path) as server:
        assert until(10, lambda: server.document("ping-keys"))
        code, out, err = key(server, "rotate")
        assert (code, out) == (2, [])
        assert "takes 1 key from its environment: write a new one in front of HEARTBEAT_PING_KEY there" in err
        assert server.ping("backup").status == 200
        assert "(HEARTBEAT_PING_KEY), none from here" in key(server, "show")[1][0]
