"""Other clocks for other processes, by libfaketime."""

from __future__ import annotations

import os
from pathlib import Path

LIBRARY = next(iter(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1")), None)


def off_by(text: str) -> dict[str, str]:
    """The environment of a process whose clock is off: "-40m", "+2h". What counts durations is left alone."""
    assert LIBRARY is not None, "there is no libfaketime: .ci/run installs it"
    return {"LD_PRELOAD": str(LIBRARY), "FAKETIME": text, "FAKETIME_DONT_FAKE_MONOTONIC": "1"}


def without_its_own_words(stderr: str) -> str:
    """What the program said: the library complains when a process outlives the one that it shares memory with."""
    return "".join(line for line in stderr.splitlines(keepends=True) if not line.startswith("libfaketime: "))


class Settable:
    """A clock that can be set while its process runs. file: where its time stands."""

    def __init__(self, file: Path, text: str = "+0") -> None:
        self.file = file
        self.set(text)

    def set(self, text: str) -> None:
        """Set the clock so far from the true time: "-1h"."""
        fresh = self.file.with_suffix(".new")
        fresh.write_text(f"{text}\n")
        fresh.replace(self.file)  # at once: nobody reads half of it

    @property
    def environ(self) -> dict[str, str]:
        """The environment of the process."""
        off = off_by("")
        del off["FAKETIME"]
        return {**off, "FAKETIME_TIMESTAMP_FILE": str(self.file), "FAKETIME_NO_CACHE": "1", **_path()}


def _path() -> dict[str, str]:
    return {"PATH": os.environ["PATH"]}
