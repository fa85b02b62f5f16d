"""Where a store is, as people write it: `dynamodb://TABLE?region=eu-west-1`, or the path of a SQLite file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

from heartbeat.errors import BadSetting

if TYPE_CHECKING:
    from collections.abc import Callable

    from heartbeat.store.protocol import Store

SCHEME = "dynamodb://"
KEYS = ("region", "profile", "shards")
SHARDS_MAX = 1_000
CONNECT_SECONDS, READ_SECONDS = 3, 10
HANDS = 8
"""Requests at the same time."""
_HINT = "write it like dynamodb://my-table?region=eu-west-1, or the path of a SQLite file"


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table in DynamoDB. region, profile: "" for what the environment says; shards: as the stack has them."""

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
        raise BadSetting(f"{address!r} is no store; {_HINT}")
    parts = urlsplit(address)
    given = dict(parse_qsl(parts.query))
    unknown = [key for key in given if key not in KEYS]
    if unknown or not parts.netloc or parts.path.strip("/"):
        wrong = f"there is no {unknown[0]!r}, only {', '.join(KEYS)}" if unknown else "a table's name is missing"
        raise BadSetting(f"{address!r} is no store: {wrong}; {_HINT}")
    shards = given.get("shards", "1")
    if not shards.isdecimal() or not 1 <= int(shards) <= SHARDS_MAX:
        raise BadSetting(f"{address!r}: shards is {shards!r}; give a number from 1 to {SHARDS_MAX}")
    return Table(
        name=parts.netloc, region=given.get("region", ""), profile=given.get("profile", ""), shards=int(shards)
    )


def open_store(place: Table | Path, clock: Callable[[], int]) -> Store:
    """The store at this place; a file is made when it is not there, a table never is. Raises BadSetting.

    clock: milliseconds since the epoch.
    """
    if isinstance(place, Path):
        from heartbeat.store.sqlite import SQLiteStore  # noqa: PLC0415 - each loads what it needs, and no more

        return SQLiteStore(place)
    from heartbeat.store.dynamodb import DynamoDBStore  # noqa: PLC0415 - the same
    from heartbeat.store.dynamodb_call import boto3_call  # noqa: PLC0415 - the same

    return DynamoDBStore(place.name, boto3_call(_client(place)), shards=place.shards, hands=HANDS, clock=clock)


def _client(table: Table) -> Any:  # noqa: ANN401 - boto3 makes its clients at run time
    import boto3  # noqa: PLC0415 - only who has a table needs it
    from botocore.config import Config  # noqa: PLC0415 - the same
    from botocore.exceptions import BotoCoreError  # noqa: PLC0415 - the same

    patience = Config(connect_timeout=CONNECT_SECONDS, read_timeout=READ_SECONDS, retries={"total_max_attempts": 1})
    try:
        session = boto3.Session(profile_name=table.profile or None, region_name=table.region or None)
        if not session.region_name:
            raise BadSetting(
                f"no region for the table {table.name}: set AWS_REGION, or write {SCHEME}{table.name}?region=…"
            )
        if session.get_credentials() is None:
            raise BadSetting("there are no AWS credentials: `aws configure`, AWS_PROFILE, or dynamodb://…?profile=NAME")
        return session.client("dynamodb", config=patience)
    except BotoCoreError as problem:
        raise BadSetting(f"the table {table.name} cannot be reached: {problem}") from None
