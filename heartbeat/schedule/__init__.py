"""Dialects of schedules to slots: next, previous, between; time zones and changes of the clock."""

from heartbeat.schedule.duration import format_duration, parse_duration
from heartbeat.schedule.read import parse
from heartbeat.schedule.schedule import Schedule, Window

__all__ = ["Schedule", "Window", "format_duration", "parse", "parse_duration"]
