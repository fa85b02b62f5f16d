"""The look at known vulnerabilities: what it says of each answer of pip-audit, which stands in for PyPI's here."""

import importlib.util
import json
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FLAW = {"id": "CVE-2020-14343", "fix_versions": ["5.4"], "aliases": [], "description": ""}
CONTROL = {"name": "pyyaml", "version": "5.3", "vulns": [FLAW]}
STUB = "import sys; print({said}['requirements' if 'requirements' in sys.argv[-1] else 'control'])"


@pytest.fixture
def audit(monkeypatch):
    spec = importlib.util.spec_from_file_location("audit", ROOT / ".ci" / "audit.py")
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)

    def run(requirements, control=CONTROL, strict=False):
        said = {
            name: text if isinstance(text, str) else json.dumps({"dependencies": text})
            for name, text in (("requirements", requirements), ("control", [control]))
        }
        monkeypatch.setattr(made, "PROGRAM", (sys.executable, "-c", STUB.format(said=said)))
        monkeypatch.setenv("AUDIT", "strict" if strict else "")
        return made.main()

    return run


def package(name="six", **more):
    return {"name": name, "version": "1.17.0", "vulns": [], **more}


def test_all_is_well(audit, capsys):
    assert audit([package(), package("attrs")], strict=True) == 0
    assert capsys.readouterr().out.splitlines() == [
        "audited: requirements.lock: 2 packages, 0 known vulnerabilities",
        "audited: infra/requirements.txt: 2 packages, 0 known vulnerabilities",
    ]


def test_a_known_vulnerability_ends_it(audit, capsys):
    assert audit([package(), CONTROL]) == 1
    err = capsys.readouterr().err.splitlines()
    assert err[0] == "VULNERABLE: requirements.lock: pyyaml 5.3: CVE-2020-14343, mended in 5.4"
    assert err[1] == "VULNERABLE: infra/requirements.txt: pyyaml 5.3: CVE-2020-14343, mended in 5.4"


@pytest.mark.parametrize(
    ("control", "why"),
    [
        ({"name": "pyyaml", "skip_reason": "Dependency not found on PyPI"}, "Dependency not found on PyPI"),
        ({"name": "pyyaml", "version": "5.3", "vulns": []}, "nothing is known of PyYAML==5.3"),
    ],
)
@pytest.mark.parametrize("strict", [False, True])
def test_who_has_no_advisories_is_not_taken_for_good_news(audit, capsys, control, why, strict):
    assert audit([package()], control=control, strict=strict) == strict
    told = "".join(capsys.readouterr())
    assert told == f"NOT AUDITED: requirements.lock, infra/requirements.txt: {why}\n"


@pytest.mark.parametrize("strict", [False, True])
@pytest.mark.parametrize(
    ("requirements", "why"),
    [
        ([package(), {"name": "own", "skip_reason": "not on PyPI"}], "own: not on PyPI"),
        ([], "no package in it"),
        ("no JSON", "pip-audit said nothing"),
    ],
)
def test_what_could_not_be_looked_up_is_said(audit, capsys, requirements, why, strict):
    assert audit(requirements, strict=strict) == strict
    assert f"NOT AUDITED: requirements.lock: {why}" in "".join(capsys.readouterr())


def test_it_is_part_of_the_check():
    assert "$(BIN)/python .ci/audit.py" in (ROOT / "Makefile").read_text().partition("\ncheck:")[2].partition("\n\n")[0]
