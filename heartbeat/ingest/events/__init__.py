"""Events on AWS as signals: pure readers of what EventBridge, SQS, SNS or Lambda hand to a function.

`read` takes whatever came apart, each kind of event has a reader in a file of its own, and `Matcher` knows which job's
it is. What cannot be read is a sentence in `Heard.odd`: nothing raises, and nothing is dropped without a word.
"""

from heartbeat.ingest.events.heard import Heard, Object
from heartbeat.ingest.events.matcher import Matcher
from heartbeat.ingest.events.read import read

__all__ = ["Heard", "Matcher", "Object", "read"]
