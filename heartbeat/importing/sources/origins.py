"""The sources by the names that `heartbeat import` knows; a module is loaded when it is asked for."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from heartbeat.importing.sources.entry import Origin

ORIGINS = {
    "eventbridge": ("eventbridge", "ORIGIN"),
    "kubernetes": ("kubernetes", "ORIGIN"),
    "solid-queue": ("rails", "SOLID_QUEUE"),
    "sidekiq": ("rails", "SIDEKIQ"),
    "good-job": ("good_job", "ORIGIN"),
    "laravel": ("laravel", "ORIGIN"),
    "celery": ("celery", "ORIGIN"),
    "healthchecks": ("healthchecks", "ORIGIN"),
    "cronitor": ("cronitor", "ORIGIN"),
}


def origin(name: str) -> Origin:
    """The source of this name."""
    module, attribute = ORIGINS[name]
    found: Origin = getattr(import_module(f"heartbeat.importing.sources.{module}"), attribute)
    return found
