"""Settings: the environment, and the options that go before it."""

import pytest

from heartbeat import settings
from heartbeat.errors import BadSetting


class TestSettings:
    def test_an_option_goes_before_its_variable(self):
        found = settings.read({"HEARTBEAT_PORT": "1", "HEARTBEAT_HOST": "::1"}, port=2, host=None)
        assert (found.port, found.host) == (2, "::1")

    def test_defaults(self, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        assert settings.read({}) == settings.Settings()
        (tmp_path / "jobs.yaml").write_text("jobs: {}")
        assert str(settings.read({}).config) == "jobs.yaml"

    @pytest.mark.parametrize(
        "given", [{"port": "x"}, {"port": 65536}, {"port": "nan"}, {"sweep_every": 0}, {"keep_days": 0}]
    )
    def test_numbers_are_bounded(self, given):
        with pytest.raises(BadSetting):
            settings.read({}, **given)

    def test_a_bad_key_is_not_repeated(self):
        with pytest.raises(BadSetting) as caught:
            settings.read({"HEARTBEAT_PING_KEY": "goodgood1,se cret"})
        assert "se cret" not in str(caught.value)
        assert "key 2 of 2" in str(caught.value)
