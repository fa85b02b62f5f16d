"""Where a store is: `dynamodb://TABLE?region=eu-west-1`, or the path of a SQLite file."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

from msgspec import Struct

from heartbeat import aws
from heartbeat.errors import BadSetting

if TYPE_CHECKING:
    from collections.abc import Callable

    from heartbeat.store.dynamodb.call import DynamoDBCall, Refused
    from heartbeat.store.protocol import Store

SCHEME = "dynamodb://"
KEYS = ("region", "profile", "shards")
SHARDS_MAX = 1_000
CONNECT_SECONDS, READ_SECONDS = 3, 10
HANDS = 8
"""Concurrent requests."""
_HINT = "write it like dynamodb://my-table?region=eu-west-1, or the path of a SQLite file"
_TABLE = re.compile(r"[A-Za-z0-9_.-]{3,255}")
_DENIED = "AccessDeniedException"
_BAD_CREDENTIALS = frozenset(
    {
        "ExpiredTokenException",
        "IncompleteSignatureException",
        "InvalidSignatureException",
        "MissingAuthenticationTokenException",
        "UnrecognizedClientException",
    }
)


class Table(Struct, frozen=True, kw_only=True):
    """A table in DynamoDB. region, profile: "" for the environment's; shards: as many as the stack has."""

    name: str
    region: str = ""
    profile: str = ""
    shards: int = 1


def read(address: str) -> Table | Path:
    """What an address means. Raises BadSetting."""
    if "://" not in address:
        return Path(address)
    if address.startswith("sqlite:///"):
        return Path(address.removeprefix("sqlite:///"))
    if not address.startswith(SCHEME):
        raise BadSetting(f"{address!r} is not a store; {_HINT}")
    try:
        return _table(address)
    except ValueError as problem:
        raise BadSetting(f"{address[:300]!r} is not a store: {problem}; {_HINT}") from None


def _table(address: str) -> Table:
    """Raises ValueError with what is wrong."""
    parts = urlsplit(address)
    if not _TABLE.fullmatch(parts.netloc) or parts.path.strip("/") or parts.fragment:
        raise ValueError("a table's name has 3 to 255 letters, digits, _ . and -, and only ?… may follow")
    given = dict(parse_qsl(parts.query, keep_blank_values=True))
    for key, value in given.items():
        if key not in KEYS or not value:
            raise ValueError(f"{key} is empty" if key in KEYS else f"there is no {key!r}, only {', '.join(KEYS)}")
    shards = given.get("shards", "1")
    if not re.fullmatch("[0-9]{1,4}", shards) or not 1 <= int(shards) <= SHARDS_MAX:
        raise ValueError(f"shards is {shards[:20]!r}; give a number from 1 to {SHARDS_MAX}")
    return Table(
        name=parts.netloc, region=given.get("region", ""), profile=given.get("profile", ""), shards=int(shards)
    )


def open_store(place: Table | Path, clock: Callable[[], int]) -> Store:
    """The store at this place; a missing file is created, a missing table is not. Raises BadSetting.

    A table is not contacted yet: if it is missing or not ours to use, the first request raises BadSetting.

    clock: milliseconds since the epoch.
    """
    if isinstance(place, Path):
        check_file(place)
        from heartbeat.store.sqlite.store import SQLiteStore  # noqa: PLC0415 - each loads what it needs, and no more

        return SQLiteStore(place)
    from heartbeat.store.dynamodb.store import DynamoDBStore  # noqa: PLC0415 - the same

    return DynamoDBStore(place.name, _call(place), shards=place.shards, hands=HANDS, clock=clock)


def check_file(path: Path) -> None:
    """Refuse what can never be a database. Raises BadSetting."""
    if path.is_dir():
        raise BadSetting(f"{path} is a folder; name a file in it, such as {path / 'heartbeat.db'}")
    if not path.parent.exists():
        raise BadSetting(f"{path} cannot be: there is no folder {path.parent}; make it, or name another file")


def client(table: Table, service: str, attempts: int = 1) -> Any:  # noqa: ANN401 - boto3 makes its clients at run time
    """A client for the table's account and region. attempts: per request. Raises BadSetting."""
    made = aws.session(table.region, table.profile, f"write {SCHEME}{table.name}?region=…")
    from botocore.exceptions import BotoCoreError  # noqa: PLC0415 - each loads what it needs, and no more

    retries = {"total_max_attempts": attempts}
    try:
        return aws.client(
            service, session=made, connect_timeout=CONNECT_SECONDS, read_timeout=READ_SECONDS, retries=retries
        )
    except (BotoCoreError, ValueError) as problem:  # an invalid region or endpoint
        raise BadSetting(f"the table {table.name} cannot be reached: {problem}") from None


def _call(table: Table) -> DynamoDBCall:
    from heartbeat.store.dynamodb.call import Refused, boto3_call  # noqa: PLC0415 - the same

    made = client(table, "dynamodb")
    call = boto3_call(made)

    def told(operation: str, request: dict[str, Any]) -> dict[str, Any]:
        try:
            return call(operation, request)
        except Refused as refused:
            text = _setting(table.name, made.meta.region_name, refused)
            if text:
                raise BadSetting(text) from None
            raise

    return told


def _setting(table: str, region: str, refused: Refused) -> str:
    """What is wrong with the address or the credentials; "" when the problem is elsewhere."""
    from botocore import exceptions as wrong  # noqa: PLC0415 - the same

    lacking = (wrong.NoCredentialsError, wrong.PartialCredentialsError, wrong.CredentialRetrievalError)
    if isinstance(refused.__cause__, (*lacking, wrong.SSOError, wrong.TokenRetrievalError)):
        return f"the AWS credentials cannot be used: {refused.__cause__}"
    if refused.code in _BAD_CREDENTIALS:
        return f"AWS does not take the credentials: {refused.__cause__}; renew them, or set AWS_PROFILE"
    if refused.code == _DENIED:
        return f"these credentials may not use the table {table}: {refused.__cause__}"
    if refused.code == "ResourceNotFoundException":
        return f"there is no table {table} in {region}; check the table's name, the account and the region"
    return ""
