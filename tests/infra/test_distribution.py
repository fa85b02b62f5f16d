"""What `pip install` brings: its name, which hint and page give it, and that the wheel alone is the program."""

import re
import subprocess
import sys
import tarfile
import tomllib
import venv
from pathlib import Path
from zipfile import ZipFile

import pytest
from checkout import ROOT, checkout, tracked
from receiver import Receiver, listening

from heartbeat.distribution import NAME, PUBLISHED, install

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
TYPED = re.compile(r"(?:pip3?|pipx|uv|poetry)(?: tool)? (?:install|add|run) +([^`\n]+)")
STRANGER = re.compile(r"(?<![-\w/.])heartbeat(?=\[|['\"\s;,.]|[=<>~]=|$)")


def typed():
    """Everything that a page, a hint or a script tells to install: (file, what is installed)."""
    for path in tracked():
        if path.suffix != ".lock" and path != Path(__file__):
            for found in TYPED.finditer(path.read_text(encoding="utf-8", errors="replace")):
                yield str(path.relative_to(ROOT)), found[1]


def test_nothing_tells_to_pip_install_heartbeat():
    assert len(list(typed())) > 8
    assert [each for each in typed() if STRANGER.search(each[1].partition("#")[0].partition(" && ")[0])] == []


@pytest.mark.parametrize(
    "what", ["heartbeat", "'heartbeat[serve]'", "-q heartbeat==0.1", 'heartbeat"', "boto3 heartbeat\n"]
)
def test_the_strangers_package_is_seen_however_it_is_written(what):
    assert STRANGER.search(what)
    assert not STRANGER.search(what.replace("heartbeat", NAME))


@pytest.mark.parametrize("page", ["README.md", "docs/upgrading.md", "docs/security.md", "Makefile"])
def test_the_distribution_is_named_where_one_looks_for_it(page):
    assert PROJECT["name"] == NAME
    assert NAME in (ROOT / page).read_text(encoding="utf-8")


def test_what_is_installed_from_a_checkout_has_an_extra_that_there_is():
    extras = {extra for _, what in typed() for extra in re.findall(r"'\.\[(\w+)\]'", what)}
    assert {"serve", "aws"} <= extras <= set(PROJECT["optional-dependencies"])


def test_the_hint_names_it_and_does_not_send_to_pypi_before_it_is_there():
    assert NAME in install("serve")
    assert PUBLISHED is (f"'{NAME}[serve]'" in install("serve"))


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """What `make dist` makes of these files: (sdist, wheel)."""
    folder = tmp_path_factory.mktemp("dist")
    source = checkout(folder / "checkout")
    make = (ROOT / "Makefile").read_text(encoding="utf-8")
    [rest] = re.findall(r"^\t\$\(BIN\)/python (-m build .+)$", make, re.MULTILINE)
    subprocess.run([sys.executable, *rest.split()], cwd=source, capture_output=True, check=True)
    [sdist], [wheel] = (source / "dist").glob("*.tar.gz"), (source / "dist").glob("*.whl")
    return sdist, wheel


def test_make_dist_builds_the_package_and_nothing_else(built):
    sdist, wheel = built
    ours = {str(path.relative_to(ROOT)) for path in tracked() if path.is_relative_to(ROOT / "heartbeat")}
    with ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
    assert names == ours
    with tarfile.open(sdist) as archive:
        kept = {name.partition("/")[2] for name in archive.getnames()}
    assert {*ours, "pyproject.toml", "README.md", "LICENSE"} <= kept


@pytest.fixture(scope="module")
def fresh(built, tmp_path_factory):
    """The programs of an environment that has the wheel, without any extra."""
    folder = tmp_path_factory.mktemp("fresh")
    venv.create(folder, with_pip=True)
    command = [folder / "bin/pip", "install", "--quiet", "--no-index", str(built[1])]
    subprocess.run(command, capture_output=True, check=True)
    return folder / "bin"


def test_the_wheel_in_a_fresh_environment_pings_and_says_what_is_missing(fresh, tmp_path):
    def run(*argv, **environ):
        return subprocess.run(argv, cwd=tmp_path, capture_output=True, text=True, check=False, env=environ)

    assert run(fresh / "heartbeat", "--version").stdout == f"heartbeat {PROJECT['version']}\n"
    with listening(Receiver()) as server:
        environ = {"HEARTBEAT_URL": f"http://127.0.0.1:{server.server_port}", "HEARTBEAT_PING_KEY": "a-ping-key"}
        code = "import heartbeat; heartbeat.ping('daily-report')"
        assert run(fresh / "heartbeat", "ping", "daily-report", **environ).returncode == 0
        assert run(fresh / "python", "-c", code, **environ).returncode == 0
    assert len(server.asked) == 2
    told = run(fresh / "heartbeat", "serve")
    assert (told.returncode, told.stderr.endswith(f"{install('serve')}\n")) == (2, True)
