"""A client for any AWS service: one place decides how long it waits and how often it tries.

boto3 is slow to import, and only those on AWS have it, so it is imported here when it is needed.
"""

from __future__ import annotations

from typing import Any

from heartbeat.errors import BadSetting

CONNECT = 5.0
"""Seconds to establish a connection."""
READ = 20.0
"""Seconds to wait for an answer."""


def client(service: str, region: str = "", *, session: Any = None, **more: Any) -> Any:  # noqa: ANN401 - boto3 has no types
    """A client with credentials from the environment or a boto3 session, which tries each call once.

    region: "" for the environment's; more: settings of botocore's Config to override. Raises ImportError
    where boto3 is not installed, and botocore's errors.
    """
    import boto3  # noqa: PLC0415 - see above
    from botocore.config import Config  # noqa: PLC0415 - the same

    usual: dict[str, Any] = {"connect_timeout": CONNECT, "read_timeout": READ, "retries": {"total_max_attempts": 1}}
    made: Any = session or boto3.Session()
    return made.client(service, region_name=region or None, config=Config(**usual | more))


def session(region: str, profile: str, hint: str) -> Any:  # noqa: ANN401 - boto3 makes its classes at run time
    """Credentials and region; "" for what the environment says. hint: how else to name a region. Raises BadSetting."""
    import boto3  # noqa: PLC0415 - see above
    from botocore.exceptions import BotoCoreError  # noqa: PLC0415 - the same

    try:
        found = boto3.Session(profile_name=profile or None, region_name=region or None)
        if not found.region_name:
            raise BadSetting(f"the AWS region is not known: set AWS_REGION, or {hint}")
        if found.get_credentials() is None:
            raise BadSetting("there are no AWS credentials: `aws configure`, or set AWS_PROFILE")
    except BotoCoreError as problem:
        raise BadSetting(f"the AWS credentials cannot be used: {problem}") from None
    return found
