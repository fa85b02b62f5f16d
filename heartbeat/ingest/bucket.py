"""Where evidence is: the protocol, and a local folder as a bucket."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from mimetypes import MimeTypes
from pathlib import Path, PurePosixPath
from typing import Protocol

from heartbeat.errors import BadSignal

_TYPES = MimeTypes()
_PACKED = {"gzip": "application/gzip", "bzip2": "application/x-bzip2", "xz": "application/x-xz"}


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredObject:
    """An existing object. size: bytes; modified: milliseconds since the epoch; content_type: "" when unknown."""

    size: int
    modified: int
    content_type: str = ""


class Bucket(Protocol):
    """Where evidence is. Raises OSError, BadSignal (for an impossible key) or WorldError."""

    def head(self, key: str) -> StoredObject | None:
        """The object with this key, or None."""

    def read(self, key: str, limit: int) -> bytes:
        """The first `limit` bytes of an object."""

    def named(self, name: str) -> Bucket:
        """The bucket that a job names; "" is this one."""


class Once:
    """A bucket asked only once for each object, however many slots it may belong to."""

    def __init__(self, bucket: Bucket) -> None:
        self._bucket = bucket
        self._found: dict[str, StoredObject | None] = {}
        self._named: dict[str, Once] = {"": self}

    def head(self, key: str) -> StoredObject | None:
        """See Bucket.head."""
        if key not in self._found:
            self._found[key] = self._bucket.head(key)
        return self._found[key]

    def read(self, key: str, limit: int) -> bytes:
        """See Bucket.read."""
        return self._bucket.read(key, limit)

    def named(self, name: str) -> Once:
        """See Bucket.named."""
        if name not in self._named:
            self._named[name] = Once(self._bucket.named(name))
        return self._named[name]


class FolderBucket:
    """A folder as a bucket: a key is a file's path below it. We never look outside it."""

    def __init__(self, folder: str | Path) -> None:
        self._folder = Path(folder)

    def head(self, key: str) -> StoredObject | None:
        """See Bucket.head: regular files only."""
        try:
            status = self._path(key).stat(follow_symlinks=False)
        except (FileNotFoundError, NotADirectoryError):
            return None
        if not stat.S_ISREG(status.st_mode):
            return None
        return StoredObject(size=status.st_size, modified=status.st_mtime_ns // 1_000_000, content_type=_type_of(key))

    def read(self, key: str, limit: int) -> bytes:
        """See Bucket.read."""
        with os.fdopen(os.open(self._path(key), os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb") as file:
            return file.read(limit)

    def named(self, name: str) -> FolderBucket:
        """See Bucket.named: the folder of that name inside this one."""
        return FolderBucket(self._path(name)) if name else self

    def _path(self, key: str) -> Path:
        parts = PurePosixPath(key).parts
        if not parts or key.startswith("/") or ".." in parts or not key.isprintable():
            raise BadSignal(
                f"{key!r} is no key: write a path below the evidence folder, without .. and without / first"
            )
        root = self._folder.resolve()
        try:
            path = root.joinpath(*parts).resolve()  # links are followed, but must stay inside
        except RuntimeError:
            raise BadSignal(f"{key!r} is a link that leads to itself; put the file itself there") from None
        if not path.is_relative_to(root):
            raise BadSignal(f"{key!r} is a link that leaves the evidence folder; put the file itself there")
        return path


def _type_of(key: str) -> str:
    kind, packed = _TYPES.guess_type(key)
    return _PACKED.get(packed, "application/octet-stream") if packed else kind or ""
