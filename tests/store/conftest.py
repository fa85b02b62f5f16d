"""The stores under the contract suite: the fixture names them, no test does."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from heartbeat.store.sqlite import SQLiteStore


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


def sqlite_memory(_tmp_path):
    store = SQLiteStore(":memory:")
    return Backend(lambda: store, threads_ok=True)


BACKENDS = {"sqlite": sqlite_file, "memory": sqlite_memory}


@pytest.fixture(params=BACKENDS)
def backend(request, tmp_path):
    made = BACKENDS[request.param](tmp_path)
    yield made
    made.close()


@pytest.fixture
def store(backend):
    return backend.store
