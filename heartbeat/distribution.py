"""What this is called where packages are found. It is not `heartbeat`: on PyPI that is somebody else's program."""

from __future__ import annotations

NAME = "heartbeat-jobs"
"""Of the distribution, in pyproject.toml too; what is imported and what is typed stay `heartbeat`."""
PUBLISHED = False
"""Whether PyPI has it. Until then it is installed from a checkout, and no hint may send anybody to PyPI."""


def install(extra: str) -> str:
    """What to type to have this extra as well."""
    if PUBLISHED:
        return f"pip install '{NAME}[{extra}]'"
    return f"pip install '.[{extra}]' in a checkout of {NAME}, which is not on PyPI yet"
