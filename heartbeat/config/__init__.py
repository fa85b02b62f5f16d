"""jobs.yaml: read it, know what is wrong with it and where, and see what it would change."""

from heartbeat.config.difference import Changed, Difference, Plan, plan, render
from heartbeat.config.reader import Config, read, read_file

__all__ = ["Changed", "Config", "Difference", "Plan", "plan", "read", "read_file", "render"]
