"""Builds what the functions of the stack hold. `sam build` calls it by infra/Makefile, once for each function.

The jobs file comes first: with a mistake in it nothing is built. HEARTBEAT_CONFIG names it (jobs.yaml);
HEARTBEAT_PYTHON names the runtime's version of Python (3.13), which must be that of the stack's `Runtime`.
Compiled wheels are taken for both of Lambda's architectures; they lie beside each other and Python picks its own.
"""

from __future__ import annotations

import compileall
import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import sysconfig
import time
from pathlib import Path
from py_compile import PycInvalidationMode
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).parents[1]
STAGE = ROOT / "build" / "lambda"
JOBS = STAGE / "jobs.json"
CONFIG = os.environ.get("HEARTBEAT_CONFIG") or "jobs.yaml"
VERSION = os.environ.get("HEARTBEAT_PYTHON") or "3.13"
ARCHITECTURES = ("aarch64", "x86_64")
PLATFORMS = ("manylinux2014", "manylinux_2_28", "manylinux_2_34")
"""Up to glibc 2.34, that of Amazon Linux 2023."""
UNUSED = ("doors/cli", "doors/server", "store/sqlite", "bin")
"""Parts of the package that only the server and the command line have a use for, below heartbeat/ or the target."""


def main(target: Path) -> None:
    """Put a function's files into `target`. Exits with a sentence when something is missing or wrong."""
    (ROOT / "build").mkdir(exist_ok=True)
    with (ROOT / "build" / "lambda.lock").open("w") as lock:  # `sam build --parallel` calls us four times at once
        fcntl.flock(lock, fcntl.LOCK_EX)
        config, requirements = ROOT / CONFIG, [Path(__file__), ROOT / "infra" / "requirements.txt"]
        _check(config)
        sources = [ROOT / "pyproject.toml", *sorted((ROOT / "heartbeat").rglob("*.py"))]
        _once("wheels", requirements, _wheels)  # kept while jobs and code change: pip takes most of a build's time
        _once("function", [_compiled(config), *requirements, *sources], _function)
        shutil.copytree(STAGE / "function", target, dirs_exist_ok=True)


def _check(config: Path) -> None:
    if not config.exists():
        sys.exit(
            f"there is no {config}: copy examples/jobs-on-aws.yaml to jobs.yaml and write your jobs into it, "
            "or name your file with HEARTBEAT_CONFIG"
        )


def _once(name: str, inputs: list[Path], make: Callable[[Path], None]) -> None:
    """Make the folder of this name, unless it was made from the same inputs."""
    texts = [str(inputs).encode(), sys.version.encode(), VERSION.encode(), *(file.read_bytes() for file in inputs)]
    stamp, digest = STAGE / f"{name}.sha256", hashlib.sha256(b"\0".join(texts)).hexdigest()
    if not stamp.exists() or stamp.read_text() != digest:
        shutil.rmtree(STAGE / name, ignore_errors=True)
        stamp.unlink(missing_ok=True)
        make(STAGE / name)
        stamp.write_text(digest)


def _wheels(target: Path) -> None:
    _pip(target / "tools", "--requirement", "infra/requirements.txt", "PyYAML>=6.0")  # for the Python that runs this
    for architecture in ARCHITECTURES:
        _pip(target / architecture, *_for(architecture), "--requirement", "infra/requirements.txt")
        shutil.copytree(target / architecture, target / "both", dirs_exist_ok=True)
    shutil.rmtree(target / "both" / "bin", ignore_errors=True)
    _compile(target / "both")


def _compiled(config: Path) -> Path:
    """The jobs file, compiled. That is done each time: it may be a folder, or include others."""
    compiling = ["-m", "heartbeat.config.compile", str(config), str(JOBS), str(int(time.time()))]
    _run(compiling, PYTHONPATH=str(STAGE / "wheels" / "tools"))
    return JOBS


def _function(target: Path) -> None:
    _pip(target, "--no-deps", ".")
    for path in [*target.glob("bin"), *(p for part in UNUSED for p in (target / "heartbeat").glob(part))]:
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    _compile(target)
    shutil.copy(JOBS, target)
    shutil.copytree(STAGE / "wheels" / "both", target, dirs_exist_ok=True)


def _for(architecture: str) -> list[str]:
    platforms = [f"--platform={name}_{architecture}" for name in PLATFORMS]
    return [*platforms, "--only-binary=:all:", "--implementation=cp", f"--python-version={VERSION}"]


def _pip(target: Path, *arguments: str) -> None:
    quiet = ["--quiet", "--disable-pip-version-check", "--no-compile", "--root-user-action=ignore"]
    _run(["-m", "pip", "install", *quiet, "--target", str(target), *arguments])


def _run(arguments: list[str], **environ: str) -> None:
    done = subprocess.run([sys.executable, *arguments], cwd=ROOT, env=os.environ | environ, check=False)  # noqa: S603 - ourselves
    if done.returncode:
        sys.exit(f"the build ends here: python {' '.join(arguments[:3])} exited with {done.returncode}")


def _compile(function: Path) -> None:
    """Bytecode that is never checked against its source: half of a cold start is otherwise spent on compiling."""
    if sysconfig.get_python_version() != VERSION:
        sys.stderr.write(
            f"no Python {VERSION} here (this is {sysconfig.get_python_version()}): the functions are built without "
            f"bytecode, and their cold starts take longer; install Python {VERSION}\n"
        )
        return
    mode = PycInvalidationMode.UNCHECKED_HASH
    compileall.compile_dir(function, quiet=1, stripdir=function, prependdir="/var/task", invalidation_mode=mode)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
