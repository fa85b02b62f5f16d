import pytest

from heartbeat.errors import CallerError
from heartbeat.schedule import format_duration, parse_duration

BOTH_WAYS = {"0s": 0, "90s": 90_000, "15m": 900_000, "1h30m": 5_400_000, "2d": 172_800_000, "1d1h1m1s": 90_061_000}


@pytest.mark.parametrize(("text", "ms"), BOTH_WAYS.items())
def test_read(text, ms):
    assert parse_duration(text) == ms


@pytest.mark.parametrize(
    ("ms", "text"),
    [
        (0, "0s"),
        (90_000, "1m30s"),
        (5_400_000, "1h30m"),
        (604_800_000, "7d"),
        (1500, "1.5s"),
        (-60_000, "-1m"),
        (1, "0.001s"),
    ],
)
def test_written(ms, text):
    assert format_duration(ms) == text


@pytest.mark.parametrize("ms", [1000, 61_000, 86_399_000, 86_400_000, 31_536_000_000])
def test_what_is_written_is_read_back(ms):
    assert parse_duration(format_duration(ms)) == ms


def test_weeks():
    assert parse_duration(" 1w2d ") == 777_600_000


@pytest.mark.parametrize(
    "text", ["", "90", "m", "1m1h", "1.5h", "-5m", "5 m", "500ms", "5M", "\uff11m", "9999999w", "9" * 5000 + "s"]
)
def test_refused_with_what_is_right(text):
    with pytest.raises(CallerError, match="90s, 15m, 1h30m, 2d"):
        parse_duration(text)
