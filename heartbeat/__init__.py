"""Heartbeat: tells you when a recurring job did not run. What a job needs of it is here; the rest is the service."""

from heartbeat.client import PingError, Run, aping, fail, job, log, ping, run, start, success

__all__ = ["PingError", "Run", "aping", "fail", "job", "log", "ping", "run", "start", "success"]
