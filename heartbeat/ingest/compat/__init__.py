"""Other services' ways to say that a job ran, one module each, named after the first part of its URLs.

Each is pure: a request in, pings out, and its own words for the answer. Nothing is looked up and no clock is read.
"""

SERVICES = frozenset({"alertmanager", "betterstack", "cronitor", "kuma", "opsgenie", "sentry", "snitch"})
