"""What the targets on AWS share: a client, and what its errors mean for a start."""

from __future__ import annotations

from contextlib import contextmanager
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from heartbeat import aws
from heartbeat.distribution import install
from heartbeat.errors import StartFailed
from heartbeat.model import SECOND
from heartbeat.redact import credentials, veiled

if TYPE_CHECKING:
    from collections.abc import Iterator

TIMEOUT = round(aws.CONNECT + aws.READ) * SECOND
BUSY = ("Throttl", "TooManyRequests", "RequestLimitExceeded", "ServiceUnavailable", "SlowDown", "LimitExceeded")
BROKEN = 500
"""From this HTTP status on, nobody knows what the request did."""


@lru_cache
def client(service: str, region: str, read: float = aws.READ) -> Any:  # noqa: ANN401 - boto3 makes its clients at run time
    """One client for all starts; it tries each call once."""
    return aws.client(service, region, read_timeout=read)


@contextmanager
def calling(what: str) -> Iterator[None]:
    """Raises StartFailed for whatever goes wrong in a call; what: the service's name for people."""
    try:
        from botocore import exceptions as wrong  # noqa: PLC0415 - see above
        from botocore.parsers import ResponseParserError  # noqa: PLC0415 - see above
    except ImportError:
        raise StartFailed(f"{what} needs boto3, which is not installed: {install('aws')}") from None

    try:
        yield
    except wrong.ClientError as error:
        raise _answered(what, error.response) from None
    except (
        wrong.ReadTimeoutError,
        wrong.ConnectionClosedError,
        wrong.ResponseStreamingError,
        ResponseParserError,
    ) as error:
        raise StartFailed(f"{what} did not answer ({type(error).__name__})", unknown=True) from None
    except (wrong.ConnectionError, wrong.HTTPClientError) as error:
        raise StartFailed(f"{what} cannot be reached ({type(error).__name__})", again=True) from None
    except wrong.BotoCoreError as error:  # no credentials, no region, a parameter that the SDK refuses
        raise StartFailed(f"{what} was not called: {error}") from None


def _answered(what: str, response: Any) -> StartFailed:  # noqa: ANN401 - botocore's types are those of every service
    error = response.get("Error", {})
    code, status = str(error.get("Code", "")), response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    said = veiled(f"{what} answered {code}: {error.get('Message', '')}".rstrip(": "), credentials())
    if any(code.startswith(word) or word in code for word in BUSY):
        return StartFailed(said, again=True)
    return StartFailed(said, unknown=status >= BROKEN)
