"""The languages of the clients: how each is started, and what a list of calls to it came to."""

import json
import os
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

DRIVERS = Path(__file__).parent / "drivers"
KEY = "the-ping-key-0000000000"
SLACK_PATH = "/services/T0/B0/the-webhook-secret"
AWS_SECRET = "the/aws+secret/0000000000"
AWS = {"AWS_ACCESS_KEY_ID": "AKIDTEST", "AWS_SECRET_ACCESS_KEY": AWS_SECRET, "AWS_REGION": "eu-west-1"}
AWS_TOKEN = "the-session-token-0000000000=="
BUCKET = "evidence"
SHELL_TOOLS = "awk cat cut date dirname head iconv od sed sha256sum sleep tail tr uname"
"""All that the shell client takes from its machine, besides curl, or wget and timeout."""


@dataclass(frozen=True, kw_only=True)
class Language:
    name: str
    command: tuple[str, ...]
    tools: str | None = None
    """The only programs on its PATH; None: those of this machine."""

    @property
    def is_shell(self) -> bool:
        return self.tools is not None


LANGUAGES = {
    one.name: one
    for one in (
        Language(name="python", command=(sys.executable, "driver.py")),
        Language(name="php", command=("php", "-d", "display_errors=stderr", "driver.php")),
        Language(name="php-streams", command=("php", "-n", "-d", "display_errors=stderr", "driver.php")),  # no ext-curl
        Language(name="ruby", command=("ruby", "driver.rb")),
        Language(name="bash", command=("/bin/bash", "driver.sh"), tools=f"{SHELL_TOOLS} curl"),
        Language(name="dash", command=("/bin/dash", "driver.sh"), tools=f"{SHELL_TOOLS} curl"),
        Language(name="wget", command=("/bin/dash", "driver.sh"), tools=f"{SHELL_TOOLS} wget timeout"),
    )
}
ON_S3 = {name: one for name, one in LANGUAGES.items() if name not in {"wget", "bash"}} | {
    "aws": Language(name="aws", command=("/bin/bash", "driver.sh"), tools=f"{SHELL_TOOLS} curl timeout")
}
"""Those that write to S3: the shell with the aws command (in bash), or with curl (in dash)."""


@dataclass(kw_only=True)
class Told:
    """What a list of calls came to."""

    status: int
    results: list = field(default_factory=list)
    stderr: str
    seconds: float

    def line(self, slug: str) -> str:
        """The one line on stderr about a job; "" when there is none."""
        lines = [line for line in self.stderr.splitlines() if f"'{slug}'" in line]
        assert len(lines) <= 1, lines
        return "".join(lines)


def tell(language: Language, folder: Path, calls: list[dict], **environ: str) -> Told:
    """Makes the calls in one process of its own, which knows nothing but this environment."""
    place = folder / "results"
    place.unlink(missing_ok=True)
    command = [*language.command[:-1], str(DRIVERS / language.command[-1]), json.dumps(calls), str(place)]
    given = {"PATH": path(language, folder), "HOME": str(folder), "DRIVER_PYTHON": sys.executable}
    began = time.monotonic()
    done = subprocess.run(command, env=given | environ, cwd=folder, capture_output=True, check=False, timeout=60)
    seconds = time.monotonic() - began
    stderr = done.stderr.decode()
    assert done.stdout == b"", "a client never says anything on stdout"
    assert [secret for secret in (KEY, SLACK_PATH, AWS_SECRET, AWS_TOKEN) if secret in stderr] == []
    results = json.loads(place.read_text()) if place.exists() else []
    return Told(status=done.returncode, results=results, stderr=stderr, seconds=seconds)


def path(language: Language, folder: Path) -> str:
    if language.tools is None:
        return os.environ["PATH"]
    bin_ = folder / "bin"
    if not bin_.exists():
        bin_.mkdir()
        (bin_ / "sh").symlink_to("/bin/sh")
        if language.name == "aws":
            (bin_ / "aws").write_text(f'#!/bin/sh\nexec {sys.executable} {DRIVERS}/aws.py "$@"\n')
            (bin_ / "aws").chmod(0o755)
        for tool in language.tools.split():
            found = shutil.which(tool)
            assert found, f"there is no {tool}"
            (bin_ / tool).symlink_to(Path(found).resolve())
    return str(bin_)
