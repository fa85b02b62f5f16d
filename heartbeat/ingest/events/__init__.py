"""AWS events as signals: pure readers of what EventBridge, SQS, SNS or Lambda pass to a function.

`read` unwraps whatever came, each kind of event has a reader in its own file, and `Matcher` knows which job
it belongs to. What cannot be read becomes a sentence in `Heard.odd`: nothing raises, and nothing is dropped silently.
"""

from heartbeat.ingest.events.heard import Heard, Object
from heartbeat.ingest.events.matcher import Matcher
from heartbeat.ingest.events.read import read

__all__ = ["Heard", "Matcher", "Object", "read"]
