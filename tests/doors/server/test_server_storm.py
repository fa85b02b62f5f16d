"""kill -9 again and again in a storm of alerts, real processes: nothing lost, nothing twice but under the same key."""

import contextlib
import http.server
import json
import os
import random
import signal
import threading
import time

from served import Served

from heartbeat.model import NEVER
from heartbeat.store.sqlite.store import SQLiteStore

KILLS = int(os.environ.get("KILLS", "6"))
"""`make soak` asks for a hundred."""
JOBS = 24
CLAIM = 120
"""Seconds after which a claim runs out by itself: so long nobody may wait here."""


class Receiver(http.server.ThreadingHTTPServer):
    """Takes messages slowly, refuses some in words, and keeps what came: (key, ids of the alerts)."""

    daemon_threads = True
    request_queue_size = 256

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.taken, self.dice, self.lock = [], random.Random(0), threading.Lock()  # noqa: S311 - dice
        self.refuses = 0.1
        self.arrived = threading.Event()
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    def take(self, key, ids):
        with self.lock:
            self.taken.append((key, ids))
            self.arrived.set()
            return self.dice.random()

    def handle_error(self, *_):
        """A server that is killed hangs up."""

    def told(self):
        return {name for _, ids in list(self.taken) for name in ids}


class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        luck = self.server.take(self.headers["Idempotency-Key"], tuple(each["id"] for each in body["alerts"]))
        time.sleep(0.01 + luck / 20)
        self.send_response(503 if luck < self.server.refuses else 200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        """Silent."""


def jobs(port, path=""):
    hook = f"{{webhook: {{url: 'http://127.0.0.1:{port}/{path}', allow_private: true, group_above: 3}}}}"
    names = "".join(f"  job-{n}: {{schedule: every 1h}}\n" for n in range(JOBS))
    return f"defaults: {{timezone: UTC, notify: [hook]}}\nchannels: {{hook: {hook}}}\njobs:\n{names}"


def storm(server, number, over):
    """Jobs fail and are well again by turns, until the server is gone."""
    with contextlib.suppress(OSError, http.client.HTTPException):
        while not over.is_set():
            for n in range(number, JOBS, 3):
                server.ping(f"job-{n}/fail")
            for n in range(number, JOBS, 3):
                server.ping(f"job-{n}")


def killed_in_the_middle(tmp_path, receiver, text, dice):
    receiver.arrived.clear()
    server, over = Served(tmp_path, jobs=text), threading.Event()
    threads = [threading.Thread(target=storm, args=(server, n, over)) for n in range(3)]
    for thread in threads:
        thread.start()
    assert receiver.arrived.wait(20)
    time.sleep(dice.random() / 4)
    server.stop(signal.SIGKILL)
    over.set()
    for thread in threads:
        thread.join()


def rows(server_db):
    with contextlib.closing(SQLiteStore(server_db)) as store:
        waiting = store.outbox(NEVER - 1, 10_000)
        held = [row for row in waiting if row.holder]
    return waiting, held


def all_alerts(db):
    """The ids of everything that was ever to be told."""
    with contextlib.closing(SQLiteStore(db)) as store, store._file.reading() as tables:
        return {name.rpartition("@")[0] for (name,) in tables.execute("SELECT id FROM deliveries")}


def test_kill_9_in_a_storm_of_alerts(tmp_path):
    dice, receiver = random.Random(1), Receiver()  # noqa: S311 - dice
    text, db = jobs(receiver.server_port), tmp_path / "heartbeat.db"
    held = 0
    for _ in range(KILLS):
        killed_in_the_middle(tmp_path, receiver, text, dice)
        held += bool(rows(db)[1])
    receiver.refuses = 0
    began = time.monotonic()
    # Rows that were tried often wait for minutes, until the channel is another one: then they all go out at once.
    with Served(tmp_path, jobs=jobs(receiver.server_port, "mended")):
        while rows(db)[0]:
            assert time.monotonic() - began < CLAIM / 2, "somebody waits for a claim to run out"
            time.sleep(0.05)
    receiver.shutdown()
    assert held, "no server was killed while it sent something"
    assert all_alerts(db) - receiver.told() == set()
    keys, sets = {}, {}
    for key, ids in receiver.taken:
        assert sets.setdefault(key, ids) == ids, "a key came again with other alerts"
        for name in ids:
            keys.setdefault(name, set()).add(key)
    assert {name: found for name, found in keys.items() if len(found) > 1} == {}
    receiver.server_close()
