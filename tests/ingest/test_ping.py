"""A ping's URL and body, read."""

import pytest

from heartbeat.ingest import ping

T0 = 1_795_350_000_000
NOON = 1_795_351_200_000  # 2026-11-22T12:40:00Z


class TestReading:
    target = ping.target(b"/ping/k/job")

    def at(self, text, received=NOON):
        return ping.read(self.target, b"at=" + text.encode(), received=received).signal.at

    @pytest.mark.parametrize(
        ("text", "at"),
        [
            ("1795350000", 1_795_350_000_000),
            ("1795350000.25", 1_795_350_000_250),
            ("2026-11-22T12:20:00Z", 1_795_350_000_000),
            ("2026-11-22T21:20:00%2B09:00", 1_795_350_000_000),
            ("2026-11-22T21:20:00+09:00", 1_795_350_000_000),
            ("2026-11-22T07:20:00.5-05:00", 1_795_350_000_500),
            ("20261122T122000Z", 1_795_350_000_000),
            ("1795351199.9999", NOON),
            ("1795350000000", NOON),  # milliseconds: in the future, so it is now
            ("2026-11-22T23:00:00Z", NOON),
            ("2026-11-22T12:20:00", NOON),  # no zone: nobody knows when
            ("1969-12-31T23:59:59Z", NOON),
            ("٣", NOON),
        ],
    )
    def test_instants(self, text, at):
        assert self.at(text) == at

    @pytest.mark.parametrize(
        ("text", "duration"),
        [
            ("0", 0),
            ("1.5", 1500),
            ("90", 90_000),
            ("-1", None),
            ("1e3", None),
            ("inf", None),
            ("", None),
            ("9" * 15, None),
        ],
    )
    def test_durations(self, text, duration):
        assert ping.read(self.target, b"duration=" + text.encode(), received=T0).signal.duration == duration

    @pytest.mark.parametrize(
        ("query", "metrics"),
        [
            (b"metric=rows:0", (("rows", 0.0),)),
            (b"metric=a:1&metric=b:-2.5e3&metric=a:3", (("a", 3.0), ("b", -2500.0))),
            (b"metric=a:nan&metric=b:inf&metric=c:1e999&metric=d&metric=:1&metric=e:", ()),
            (b"&".join(b"metric=m%d:1" % i for i in range(99)), tuple((f"m{i}", 1.0) for i in range(20))),
        ],
    )
    def test_metrics(self, query, metrics):
        assert ping.read(self.target, query, received=T0).signal.metrics == metrics

    def test_a_named_slot_is_kept_as_written_but_bounded(self):
        signal = ping.read(self.target, b"for=%0a" + b"x" * 100, received=T0).signal
        assert signal.named == "x" * 40

    def test_create_is_for_names_only(self):
        by_uuid = ping.target(b"/ping/00000000-0000-0000-0000-000000000001")
        assert not ping.read(by_uuid, b"create=1", received=T0).create
        assert ping.read(self.target, b"create=0&create=1", received=T0).create
