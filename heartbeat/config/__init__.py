"""jobs.yaml: read it, know what is wrong with it and where, and see what it would change."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from heartbeat.config.declared import Config
from heartbeat.config.difference import Changed, Difference, Plan, plan, render

if TYPE_CHECKING:
    from heartbeat.config.reader import read, read_file

__all__ = ["Changed", "Config", "Difference", "Plan", "plan", "read", "read_file", "render"]


def __getattr__(name: str) -> object:
    if name in {"read", "read_file"}:  # these need YAML, which is not installed where a compiled file is enough
        return getattr(import_module("heartbeat.config.reader"), name)
    raise AttributeError(name)
