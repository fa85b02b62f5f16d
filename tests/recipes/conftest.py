"""What the recipes share: somebody's Slack."""

import pytest
from receiver import Receiver, listening


class Slack(Receiver):
    """Stands for Slack's incoming webhooks: `url` is one."""

    @property
    def texts(self) -> list[str]:
        """What a notification shows of each message, oldest first."""
        return [asked.json["text"] for asked in list(self.asked)]

    def about(self, job: str) -> list[str]:
        return [text for text in self.texts if f" {job}:" in text or f"'{job}'" in text]


@pytest.fixture
def slack():
    with listening(Slack()) as made:
        yield made


@pytest.fixture(scope="module")
def module_slack():
    """The same for a whole module."""
    with listening(Slack()) as made:
        yield made
