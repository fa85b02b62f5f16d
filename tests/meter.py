"""A way to DynamoDB with a meter in it."""

from math import ceil

from heartbeat.store.dynamodb.call import CONDITION, Refused


class Meter:
    """Counts capacity units by the sizes of items, as AWS documents them.

    Source: Amazon DynamoDB developer guide, "Read and write operations": a write unit for each kilobyte of an item, a
    strongly consistent read unit for each four kilobytes, at least one; twice that in a transaction. A write whose
    condition does not hold is paid for by the size of the item that is there.
    """

    def __init__(self, call):
        self.call, self.sent = call, []
        self.before = lambda *_request: None
        self.written = self.read = 0

    def __call__(self, operation, request):
        self.sent.append((operation, request))
        self.before(operation, request)
        try:
            answer = self.call(operation, request)
        except Refused as refused:
            self.written += write_units(refused.item) if refused.code == CONDITION else 0
            raise
        count = getattr(self, f"count_{operation}")
        count(request, answer)
        return answer

    def count_PutItem(self, request, _answer):  # noqa: N802 - as the operation is called
        self.written += write_units(request["Item"])

    def count_UpdateItem(self, _request, answer):  # noqa: N802 - the same
        self.written += write_units(answer["Attributes"])

    def count_DeleteItem(self, _request, _answer):  # noqa: N802 - the same
        self.written += 1

    def count_BatchWriteItem(self, request, _answer):  # noqa: N802 - the same
        for wanted in request["RequestItems"].values():
            self.written += sum(write_units(each["PutRequest"]["Item"]) for each in wanted)

    def count_TransactWriteItems(self, request, _answer):  # noqa: N802 - the same
        items = [each["Put"]["Item"] for each in request["TransactItems"] if "Put" in each]
        self.written += 2 * sum(map(write_units, items)) + 2 * (len(request["TransactItems"]) - len(items))

    def count_GetItem(self, _request, answer):  # noqa: N802 - the same
        self.read += read_units([answer.get("Item", {})])

    def count_BatchGetItem(self, request, answer):  # noqa: N802 - the same
        found = [item for each in answer["Responses"].values() for item in each]
        asked = sum(len(each["Keys"]) for each in request["RequestItems"].values())
        self.read += sum(read_units([item]) for item in found) + asked - len(found)

    def count_Query(self, _request, answer):  # noqa: N802 - the same
        self.read += read_units(answer["Items"])

    def taken(self):
        """The units since the last time: (written, read)."""
        units, self.written, self.read = (self.written, self.read), 0, 0
        return units


def size(value):
    """Bytes of an item, a list or an attribute."""
    if isinstance(value, dict):
        return sum(len(name.encode()) + size(each) for name, each in value.items())
    if isinstance(value, list):
        return sum(map(size, value))
    return len(str(value).encode())


def write_units(item):
    return max(1, ceil(size(item) / 1024))


def read_units(found):
    return max(1, ceil(size(found) / 4096))
