"""The stores under the contract suite: the fixture names them, no test does.

DynamoDB is there twice: as moto plays it in this process, one thread at a time, and as ministack does in one of its
own, which is fit for races; the latter by requests that we sign ourselves, several at a time.
"""

import time
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from uuid import uuid4

import boto3
import pytest
from ministack import CREDENTIALS, ministack
from moto import mock_aws
from stack_table import create_table
from store_wire import Wire

from heartbeat.store.dynamodb.call import boto3_call
from heartbeat.store.dynamodb.signed_call import signed_call
from heartbeat.store.dynamodb.store import DynamoDBStore
from heartbeat.store.sqlite.store import SQLiteStore


class Backend:
    """One empty store and what its tests may ask of it.

    threads_ok: races are run with threads; where the stand-in for the real thing is unfit for threads (moto loses
    updates), the same changes, decided from the same snapshots, are committed one after the other instead.
    expires: rows leave by themselves, and purge does nothing.
    """

    def __init__(self, opener, *, threads_ok, expires=False):
        self.opener, self.threads_ok, self.expires = opener, threads_ok, expires
        self.opened = []
        self.store = self.open()

    def open(self):
        """Another store on the same data, as a second process has it."""
        store = self.opener()
        self.opened.append(store)
        return store

    def race(self, *changes):
        """Commit each change through a store of its own, all at once; the answers in the order of the changes."""
        stores = [self.open() for _ in changes]
        if not self.threads_ok:
            return [store.commit([change])[0] for store, change in zip(stores, changes, strict=True)]
        gate = Barrier(len(changes))

        def run(store, change):
            gate.wait()
            return store.commit([change])[0]

        with ThreadPoolExecutor(len(changes)) as pool:
            return list(pool.map(run, stores, changes))

    def close(self):
        for store in self.opened:
            store.close()


def sqlite_file(tmp_path):
    return Backend(lambda: SQLiteStore(tmp_path / "heartbeat.db"), threads_ok=True)


def sqlite_memory():
    store = SQLiteStore(":memory:")
    return Backend(lambda: store, threads_ok=True)


@pytest.fixture(scope="module")
def client():
    """DynamoDB, as moto plays it: for one module, so that what others play with moto begins empty."""
    with mock_aws(), pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ACCESS_KEY_ID", "testing")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
        yield boto3.client("dynamodb", region_name="eu-west-1")


@pytest.fixture
def call(client):
    """The way to an empty table named "heartbeat"."""
    made = boto3_call(client)
    create_table(made, "heartbeat")
    yield made
    made("DeleteTable", {"TableName": "heartbeat"})


def no_sleep(_seconds):
    raise AssertionError("nothing here is throttled")


def dynamodb(call):
    """In two shards: the tests of this store alone run in one."""
    return Backend(lambda: DynamoDBStore("heartbeat", call, shards=2, sleep=no_sleep), threads_ok=False, expires=True)


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    """The way to ministack."""
    with ministack(tmp_path_factory.mktemp("ministack")) as url:
        call = signed_call({**CREDENTIALS, "AWS_ENDPOINT_URL": url}, time.time)
        yield call
        call.close()


def races(call):
    """A table of its own."""
    name = f"heartbeat-{uuid4().hex[:12]}"
    create_table(call, name)
    return Backend(lambda: DynamoDBStore(name, call, shards=2, hands=4), threads_ok=True, expires=True)


BACKENDS = {
    "sqlite": lambda request: sqlite_file(request.getfixturevalue("tmp_path")),
    "memory": lambda _request: sqlite_memory(),
    "dynamodb": lambda request: dynamodb(request.getfixturevalue("call")),
    "ministack": lambda request: races(request.getfixturevalue("server")),
}


@pytest.fixture(params=BACKENDS)
def backend(request):
    made = BACKENDS[request.param](request)
    yield made
    made.close()


@pytest.fixture
def store(backend):
    return backend.store


@pytest.fixture
def wire(call):
    return Wire(call)
