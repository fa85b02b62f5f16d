"""Builds a function as `sam build` does, for the Python that runs the tests."""

import os
import subprocess
import sys
import sysconfig
from pathlib import Path

ROOT = Path(__file__).parents[2]


def build(target, config):
    environ = os.environ | {"HEARTBEAT_CONFIG": str(config), "HEARTBEAT_PYTHON": sysconfig.get_python_version()}
    command = [sys.executable, str(ROOT / "infra" / "build.py"), str(target)]
    return subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
