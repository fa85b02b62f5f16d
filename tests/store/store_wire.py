"""The way to DynamoDB under test: it notes what is sent, refuses and dies when told to."""

from heartbeat.model import NEVER, Commit


class Crash(BaseException):
    """The process ends here."""


class Wire:
    """The way to DynamoDB under test: notes every request; `before` may raise."""

    def __init__(self, call):
        self.call, self.sent, self.slept = call, [], []
        self.before = lambda *_request: None

    def __call__(self, operation, request):
        self.sent.append((operation, request))
        self.before(operation, request)
        return self.call(operation, request)

    def operations(self, store, *changes):
        """What committing these changes sends."""
        self.sent.clear()
        assert set(store.commit(changes)) == {Commit.STORED}
        return [operation for operation, _ in self.sent]

    def fail(self, error, times=NEVER, *operations):
        """Refuse the next so many requests (of these operations)."""
        left = [times]

        def before(operation, _request):
            if (not operations or operation in operations) and left[0]:
                left[0] -= 1
                raise error

        self.before = before


def items(call):
    return call("Scan", {"TableName": "heartbeat"})["Items"]
