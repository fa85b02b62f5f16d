"""Requests of other services' clients, without a network."""

import json
from types import SimpleNamespace
from urllib.parse import urlencode

from heartbeat.core.definition import founding
from heartbeat.doors.http import compat
from heartbeat.doors.http.group_commit import StoreRecords, Writer
from heartbeat.doors.http.ping_gate import Gate
from heartbeat.ingest.compat.request import CompatRequest
from heartbeat.ingest.ping import Refusal, options
from heartbeat.model import Job
from heartbeat.store.sqlite.store import SQLiteStore
from heartbeat.telemetry import Log
from heartbeat.verbs.unknown_pings import Strays

NOW = 1_795_350_000_000
KEY = "k3y"


def request(path, *, body=b"", headers=None, **query):
    """As the door makes it; path: below the service's own."""
    return CompatRequest(
        parts=tuple(path.strip("/").split("/")),
        query=options(urlencode(query, doseq=True).encode()) if query else {},
        headers=headers or {},
        body=body if isinstance(body, bytes) else json.dumps(body).encode(),
        received=NOW,
    )


def read(service, asked):
    """What one of the services tells, with its key; or its refusal."""
    sealed = service.read(asked)
    told = sealed if isinstance(sealed, Refusal) else sealed.told()
    if isinstance(told, Refusal):
        return told
    return SimpleNamespace(key=sealed.key, pings=told.pings, remark=told.remark)


class Service:
    """Everything behind the sockets: gate, door, writer, store, with the job `backup`."""

    def __init__(self, now):
        self.store, self.time = SQLiteStore(":memory:"), now
        self.store.commit([founding(Job(slug="backup", schedule=("every 1h",), source="file"), now - 1000)])
        log = Log(lambda: 0.0)
        self.strays = Strays(log)
        self.strays.learn(["backup"])
        self.writer = Writer(StoreRecords(self.store, lambda: ("ops",)), self.strays, log)
        self.gate = Gate([KEY], lambda: self.time)

    @property
    def uuid(self):
        return self.store.load(["backup"])["backup"].uuid

    def ask(self, path, *, query=b"", headers=None, body=b""):
        """Status, text, and the content type without its parameters."""
        call = compat.read(self.gate, path.encode(), query, headers or {}, body)
        answer = call.answer(self.writer.write(call.pings)) if isinstance(call, compat.CompatCall) else call
        return answer.status, answer.body.decode(), dict(answer.headers)[b"content-type"].partition(b";")[0].decode()

    def signals(self, slug="backup"):
        """What was recorded, oldest first."""
        return [entry.signal for entry in self.store.history(slug, 100)[::-1] if entry.signal]
