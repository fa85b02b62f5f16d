"""Deliveries without threads: a world must happen the same way each time it is replayed."""

from __future__ import annotations

from concurrent.futures import Future
from contextlib import ExitStack, contextmanager
from unittest.mock import patch

from heartbeat.verbs import channel_lane, deliver


@contextmanager
def without_threads():
    """Whoever delivers does one thing after the other, as long as this holds."""
    with ExitStack() as stack:
        for module in (deliver, channel_lane):
            stack.enter_context(patch.object(module, "ThreadPoolExecutor", Inline))
        yield


class Inline:
    """A thread pool without threads."""

    def __init__(self, **_):
        pass

    def __enter__(self):
        return self

    def __exit__(self, *_):
        return False

    @staticmethod
    def submit(work, *args):
        done = Future()
        try:
            done.set_result(work(*args))
        except BaseException as error:  # noqa: BLE001 - as a pool does; `result()` raises it
            done.set_exception(error)
        return done
