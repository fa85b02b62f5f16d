"""What the gate keeps of the pings that came by: a few, and nothing of strangers."""

from heartbeat.doors.http.lately import LENGTH_MAX, Lately
from heartbeat.doors.http.ping_gate import Gate

T0 = 1_795_350_000_000


class TestLately:
    def test_what_was_not_asked_for_the_longest_time_goes_first(self):
        lately = Lately(3)
        for name in "abc":
            lately.keep(name, name.upper())
        assert lately.get("a") == "A"
        lately.keep("d", "D")
        assert [lately.get(name) for name in "abcd"] == ["A", None, "C", "D"]
        lately.keep("c", "other")
        assert (lately.get("c"), len(lately)) == ("other", 3)

    def test_a_long_key_is_not_kept(self):
        lately = Lately(3)
        lately.keep("x" * (LENGTH_MAX + 1), 1)
        lately.keep("x" * LENGTH_MAX, 1)
        assert len(lately) == 1


class TestGate:
    def test_strangers_fill_nothing(self, monkeypatch):
        monkeypatch.setattr("heartbeat.doors.http.ping_gate.TARGETS_MAX", 10)
        gate = Gate(["k"], lambda: T0)
        for i in range(100):
            gate.read(b"/ping/00000000-0000-0000-0000-%012d" % i, b"", b"", b"")
            gate.read(b"/ping/00000000-0000-0000-0000-000000000001/" + b"0" * (1000 + i), b"", b"", b"")
            gate.read(b"/ping/wrong/job-%d" % i, b"", b"", b"")
            assert gate.read(b"/ping/k/job", b"", b"", b"").signal.slug == "job"
        kept = list(gate._targets._kept)
        assert len(kept) == 10
        assert kept[-1] == b"/ping/k/job"
        assert max(map(len, kept)) < 60
