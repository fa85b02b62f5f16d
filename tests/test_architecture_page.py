"""The page about the architecture says figures: each is the constant's."""

import re
from pathlib import Path

import pytest

from heartbeat.channels import build, lazy, protocol
from heartbeat.core import blind, definition, on_signal, remembered_starts
from heartbeat.doors.lambdas import checker_work
from heartbeat.model import DAY, HOUR, MINUTE, SECOND
from heartbeat.store.dynamodb import due, items, store
from heartbeat.store.protocol import Store
from heartbeat.verbs import record, sweep

PAGE = (Path(__file__).parents[1] / "docs" / "architecture.md").read_text()
SAID = {
    "within seven days": definition.RETURN_MAX == 7 * DAY,
    "written down after every thousand jobs": sweep.LIMIT == 1_000,
    "The partitions hold ten minutes": items.SPAN == 10 * MINUTE,
    "no row is written for an earlier instant than thirty seconds from now": store.MARGIN == 30 * SECOND,
    "After a gap of more than six hours": due.WHEEL_READ == 6 * HOUR,
    "remembers its latest 16 starts": remembered_starts.STARTS_MAX == 16,
    "keeps the ids of the last 32 signals": on_signal.SEEN_MAX == 32,
    "(ten seconds at most before the end of the process)": blind.ALIVE_EVERY == 10 * SECOND,
    "counts as away after ninety seconds": checker_work.EARS.patience == 90 * SECOND,
    "refused twenty times in a row": record.ATTEMPTS_MAX == 20,
    "six letters made of its settings": build.DEFINITION_LENGTH == 6,
    "Five alerts become one message": protocol.GROUP_ABOVE == 5,
    "made anew every five minutes": lazy.KEPT == 5 * MINUTE,
    "fourteen methods": len([name for name in vars(Store) if not name.startswith("_")]) == 14,
}


@pytest.mark.parametrize("words", SAID)
def test_a_figure_of_the_page_is_true(words):
    assert words in re.sub(r"\s+", " ", PAGE)
    assert SAID[words]
