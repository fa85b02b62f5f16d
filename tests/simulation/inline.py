"""A thread pool without threads: what is delivered is delivered in the same way each time a world is replayed."""

from concurrent.futures import Executor, Future


class Inline(Executor):
    """Does at once, one thing after the other, what it is given."""

    def __init__(self, _workers):
        pass

    def submit(self, work, *args):
        done = Future()
        try:
            done.set_result(work(*args))
        except BaseException as error:  # noqa: BLE001 - as a pool does; `result()` raises it
            done.set_exception(error)
        return done
