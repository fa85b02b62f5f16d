"""A client for any AWS service: one place decides how long it waits and how often it tries."""

from __future__ import annotations

from typing import Any

CONNECT = 5.0
"""Seconds to establish a connection."""
READ = 20.0
"""Seconds to wait for an answer."""


def client(service: str, region: str = "", *, session: Any = None, **more: Any) -> Any:  # noqa: ANN401 - boto3 has no types
    """A client with credentials from the environment or a boto3 session, which tries each call once.

    region: "" for the environment's; more: settings of botocore's Config to override. Raises ImportError
    where boto3 is not installed, and botocore's errors.
    """
    import boto3  # noqa: PLC0415 - slow to import, and only who is on AWS needs it
    from botocore.config import Config  # noqa: PLC0415 - the same

    usual: dict[str, Any] = {"connect_timeout": CONNECT, "read_timeout": READ, "retries": {"total_max_attempts": 1}}
    made: Any = session or boto3.Session()
    return made.client(service, region_name=region or None, config=Config(**usual | more))
