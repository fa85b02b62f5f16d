"""How we reach DynamoDB: one small function that speaks its JSON, and a wrapper that retries.

boto3 can be behind it, or a small signer; nothing here imports either.
"""

from __future__ import annotations

import random
import re
from collections import deque
from typing import TYPE_CHECKING, Any, Protocol

from heartbeat.errors import StoreUnavailable
from heartbeat.redact import credentials, veiled

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Item = dict[str, dict[str, Any]]
    """An item or a key in DynamoDB's JSON: {"pk": {"S": "job#backup"}, ...}."""
    Request = dict[str, Any]

ATTEMPTS_MAX = 8
PAUSE_FIRST = 0.05
PAUSE_MAX = 2.0
"""Most seconds between attempts: doubling, with full jitter, about 4 s in all."""
BATCH_MAX = 100
"""Keys in one BatchGetItem, items in one TransactWriteItems."""
PUTS_MAX = 25
"""Items in one BatchWriteItem."""
OWED_MAX = 1_000
"""History lines that were throttled and are still to be written."""
EXPIRES = "expires"
"""The attribute that the table's time to live reads (seconds since the epoch)."""

CONDITION = "ConditionalCheckFailedException"
CONFLICT = "TransactionConflictException"
CANCELED = "TransactionCanceledException"
UNREACHABLE = "Unreachable"
PASSING = frozenset(
    {
        "InternalServerError",
        "ItemCollectionSizeLimitExceededException",
        "LimitExceededException",
        "ProvisionedThroughputExceeded",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "ServiceUnavailable",
        "Throttling",
        "ThrottlingError",
        "ThrottlingException",
        "TransactionConflict",
        "TransactionInProgressException",
        CONFLICT,
        UNREACHABLE,
    }
)
"""Refusals, and reasons for a cancelled transaction, after which the same request may succeed."""
REMEDIES = {
    "ResourceNotFoundException": "check the table's name, the account and the region",
    "AccessDeniedException": "give this role the right to it on the table",
    "ExpiredTokenException": "renew the credentials",
    "UnrecognizedClientException": "check the credentials",
    UNREACHABLE: "check the network and the region",
}


class DynamoDBCall(Protocol):
    """Sends one request to DynamoDB and returns its answer, both as DynamoDB's JSON; raises Refused."""

    def __call__(self, operation: str, request: Request, /) -> dict[str, Any]:
        """The answer to e.g. ("GetItem", {"TableName": ..., "Key": ...})."""


class Refused(StoreUnavailable):
    """DynamoDB said no.

    code: its error code, or UNREACHABLE when there was no answer; reasons: why a transaction was cancelled, one code
    for each item ("None" where that item was not the cause); item: the item whose condition failed, when
    the request asked for it.
    """

    def __init__(self, operation: str, code: str, message: str = "", reasons: tuple[str, ...] = ()) -> None:
        remedy = REMEDIES.get(code, "try again later" if code in PASSING else "see the message")
        said = veiled(message, credentials())  # DynamoDB repeats the session token when the signature is wrong
        super().__init__(f"DynamoDB refused {operation}: {code}: {said}; {remedy}")
        self.code, self.reasons = code, reasons
        self.item: Item = {}

    @property
    def is_stale(self) -> bool:
        """A condition failed, or somebody else kept writing the same item."""
        return self.code in {CONDITION, CONFLICT} or bool(
            {"ConditionalCheckFailed", "TransactionConflict"} & set(self.reasons)
        )

    @property
    def is_passing(self) -> bool:
        """The same request may succeed next time."""
        if self.code == CANCELED:
            return set(self.reasons) <= PASSING | {"None"}
        return self.code in PASSING


class Patient:
    """A call that retries what was throttled, in conflict or unanswered, a bounded number of times."""

    def __init__(self, call: DynamoDBCall, sleep: Callable[[float], None]) -> None:
        self._call, self._sleep = call, sleep

    def __call__(self, operation: str, request: Request) -> dict[str, Any]:
        """The answer; raises Refused when DynamoDB still says no."""
        for pause in pauses():
            try:
                return self._call(operation, request)
            except Refused as refused:
                if not refused.is_passing:
                    raise
            self._sleep(pause)
        return self._call(operation, request)

    def stored(self, operation: str, request: Request) -> bool:
        """Whether a conditional write was made: False when its condition failed."""
        try:
            self(operation, request)
        except Refused as refused:
            if refused.is_stale:
                return False
            raise
        return True

    def items(self, request: Request) -> Iterator[Item]:
        """All items of a Query, fetched page by page on demand, with strongly consistent reads."""
        start: Request = {}
        while True:
            answer = self("Query", {**request, "ConsistentRead": True, **start})
            yield from answer["Items"]
            if "LastEvaluatedKey" not in answer:
                return
            start = {"ExclusiveStartKey": answer["LastEvaluatedKey"]}

    def batch(self, table: str, keys: list[Item]) -> list[Item]:
        """The items that exist under these keys, each once, in any order, read strongly consistently."""
        # DynamoDB refuses a key given twice.
        once = list({(key["pk"]["S"], key["sk"]["S"]): key for key in keys}.values())
        found: list[Item] = []
        for start in range(0, len(once), BATCH_MAX):
            found += self._batch(table, once[start : start + BATCH_MAX])
        return found

    def put_all(self, table: str, items: list[Item]) -> None:
        """Put items unconditionally, each under a different key."""
        if len(items) == 1:
            self("PutItem", {"TableName": table, "Item": items[0]})
            return
        for start in range(0, len(items), PUTS_MAX):
            self._put_all(table, items[start : start + PUTS_MAX])

    def _put_all(self, table: str, items: list[Item]) -> None:
        waiting: Request = {table: [{"PutRequest": {"Item": item}} for item in items]}
        for pause in pauses():
            waiting = self("BatchWriteItem", {"RequestItems": waiting}).get("UnprocessedItems") or {}
            if not waiting:
                return
            self._sleep(pause)
        raise Refused("BatchWriteItem", "ProvisionedThroughputExceededException", "items were left unprocessed")

    def _batch(self, table: str, keys: list[Item]) -> list[Item]:
        found: list[Item] = []
        wanted: Request = {table: {"Keys": keys, "ConsistentRead": True}}
        for pause in pauses():
            answer = self("BatchGetItem", {"RequestItems": wanted})
            found += answer["Responses"].get(table, [])
            wanted = answer.get("UnprocessedKeys") or {}
            if not wanted:
                return found
            self._sleep(pause)
        raise Refused("BatchGetItem", "ProvisionedThroughputExceededException", "keys were left unprocessed")


class Lines:
    """One table's history rows, written after the job rather than with it."""

    def __init__(self, call: Patient, table: str) -> None:
        self._call, self._table = call, table
        self._owed: deque[Item] = deque(maxlen=OWED_MAX)

    def write(self, item: Item) -> None:
        """Write a line, now or with the next commit: its signal is recorded, and must not be sent again."""
        try:
            self._call("PutItem", {"TableName": self._table, "Item": item})
        except Refused as refused:
            if not refused.is_passing:
                raise
            self._owed.append(item)

    def pay(self) -> None:
        """Write what is owed."""
        for _ in range(len(self._owed)):
            self.write(self._owed.popleft())


def pauses() -> Iterator[float]:
    """The pauses between attempts."""
    for attempt in range(ATTEMPTS_MAX - 1):
        yield random.uniform(0, min(PAUSE_MAX, PAUSE_FIRST * 2**attempt))  # noqa: S311 - jitter, not a secret


def boto3_call(client: Any) -> DynamoDBCall:  # noqa: ANN401 - boto3 makes its classes at run time
    """A boto3 DynamoDB client as a Call.

    Best made with `Config(retries={"total_max_attempts": 1})`: the store tries again itself.
    """
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - only those who use boto3 need it

    def call(operation: str, request: Request) -> dict[str, Any]:
        method = getattr(client, re.sub(r"(?<!^)(?=[A-Z])", "_", operation).lower())
        try:
            answer: dict[str, Any] = method(**request)
        except ClientError as error:
            details: dict[str, Any] = dict(error.response)
            reasons = tuple(str(reason.get("Code")) for reason in details.get("CancellationReasons", ()))
            refused = Refused(operation, details["Error"]["Code"], details["Error"].get("Message", ""), reasons)
            refused.item = details.get("Item", {})
            raise refused from error
        except BotoCoreError as error:
            raise Refused(operation, UNREACHABLE, str(error)) from error
        return answer

    return call
