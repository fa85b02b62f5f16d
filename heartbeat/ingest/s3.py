"""An S3 bucket as a place for evidence."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from heartbeat import aws
from heartbeat.errors import BadSetting, BadSignal, WorldError
from heartbeat.ingest.bucket import StoredObject

if TYPE_CHECKING:
    from collections.abc import Callable

KEY_MAX = 1024
"""Bytes of the longest key that S3 allows."""
CONNECT_SECONDS, READ_SECONDS, ATTEMPTS = 2, 5, 3
_NOT_FOUND, _FORBIDDEN, _NO_SUCH_RANGE = 404, 403, 416
_REFUSED = (
    "allow s3:GetObject on the object and s3:ListBucket on the bucket "
    "(without the latter, S3 answers 403 for an object that is not there)"
)


def connect() -> Any:  # noqa: ANN401 - boto3 makes its clients at run time
    """A client with the environment's credentials and region."""
    retries = {"mode": "standard", "total_max_attempts": ATTEMPTS}
    return aws.client("s3", connect_timeout=CONNECT_SECONDS, read_timeout=READ_SECONDS, retries=retries)


class S3Bucket:
    """The bucket of that name, in whatever region it is; "" for a service that has none of its own.

    client: makes the client, once, when it is first needed. Raises BadSignal for an impossible
    key, BadSetting where there is no bucket, WorldError with the reason for everything that S3 refuses.
    """

    def __init__(self, name: str, client: Callable[[], Any] = connect) -> None:
        self._name = name
        self._client = lru_cache(maxsize=1)(client)

    def head(self, key: str) -> StoredObject | None:
        """See Bucket.head. An object whose latest version is a delete marker does not exist."""
        try:
            answer = self._ask("head_object", key)
        except _Refused as refused:
            if refused.status == _NOT_FOUND:
                return None
            raise
        return StoredObject(
            size=answer["ContentLength"],
            modified=round(answer["LastModified"].timestamp() * 1000),
            content_type=answer.get("ContentType", ""),
        )

    def read(self, key: str, limit: int) -> bytes:
        """See Bucket.read."""
        try:
            return bytes(self._ask("get_object", key, Range=f"bytes=0-{limit - 1}"))
        except _Refused as refused:
            if refused.status == _NO_SUCH_RANGE:  # an empty object has no first byte
                return b""
            raise

    def named(self, name: str) -> S3Bucket:
        """See Bucket.named: for another team's bucket, s3:GetObject and s3:ListBucket are enough."""
        return S3Bucket(name, self._client) if name else self

    def _ask(self, operation: str, key: str, **more: str) -> Any:  # noqa: ANN401 - as boto3 answers
        from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - with the client

        _check(key)
        if not self._name:
            raise BadSetting("this service has no evidence bucket; name one as `bucket` in the job's evidence")
        try:
            answer = getattr(self._client(), operation)(Bucket=self._name, Key=key, **more)
            return answer["Body"].read() if "Body" in answer else answer
        except ClientError as error:
            raise _Refused(f"s3://{self._name}/{key}", error.response) from None
        except BotoCoreError as error:
            raise WorldError(f"S3 cannot be asked for s3://{self._name}/{key}: {error}") from None


class _Refused(WorldError):
    """S3 said no. `status`: HTTP's."""

    def __init__(self, place: str, response: Any) -> None:  # noqa: ANN401 - as boto3 has it
        self.status = response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        told = response.get("Error", {})
        why = _REFUSED if self.status == _FORBIDDEN else told.get("Message") or "no reason given"
        super().__init__(f"S3 refuses {place} ({self.status} {told.get('Code', '')}): {why}")


def _check(key: str) -> None:
    sized = key and len(key.encode("utf-8", "replace")) <= KEY_MAX
    if not sized or key.startswith("/") or ".." in key.split("/") or not key.isprintable():
        raise BadSignal(f"{key[:100]!r} is no key: write 1 to {KEY_MAX} bytes, without .. and without / first")
