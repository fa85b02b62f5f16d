"""The template, as it is written and as SAM's transform makes it."""

import json
import os
import subprocess
from pathlib import Path

import pytest
from building import build

ROOT = Path(__file__).parents[2]
TRANSFORM = """
import json, sys
import boto3
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator
from samtranslator.yaml_helper import yaml_parse
template = yaml_parse(open(sys.argv[1]).read())
template["Globals"]["Function"]["CodeUri"] = "s3://bucket/key"
session = boto3.Session(region_name="eu-west-1")
json.dump(Translator({}, Parser(), boto_session=session).translate(template, {}), sys.stdout, default=str)
"""


@pytest.fixture(scope="session")
def sam():
    """The folder of the SAM tool's programs."""
    folder = Path(os.environ.get("HEARTBEAT_SAM") or ROOT / ".tools" / "sam") / "bin"
    assert (folder / "sam").exists(), f"there is no {folder / 'sam'}; `make .tools/sam/ready` installs it"
    return folder


@pytest.fixture(scope="session")
def run(sam):
    """Runs a program of the SAM tool in the project's folder."""

    def run(*command):
        environ = os.environ | {"AWS_DEFAULT_REGION": "eu-west-1", "SAM_CLI_TELEMETRY": "0"}
        program, *arguments = command
        done = subprocess.run(
            [str(sam / program), *arguments], cwd=ROOT, env=environ, capture_output=True, text=True, check=False
        )
        return done.returncode, done.stdout, done.stderr

    return run


@pytest.fixture(scope="session")
def transformed(run):
    """What CloudFormation gets."""
    status, out, err = run("python", "-c", TRANSFORM, "infra/template.yaml")
    assert status == 0, err
    return json.loads(out)


@pytest.fixture(scope="session")
def resources(transformed):
    return transformed["Resources"]


@pytest.fixture(scope="session")
def of_type(resources):
    """The resources of one type: {logical id: properties}."""

    def of_type(kind):
        found = {name: each["Properties"] for name, each in resources.items() if each["Type"] == kind}
        assert found, f"the template has no {kind}"
        return found

    return of_type


@pytest.fixture(scope="session")
def built(tmp_path_factory):
    """A built function."""
    target = tmp_path_factory.mktemp("function")
    done = build(target, "examples/jobs.yaml")
    assert done.returncode == 0, done.stderr
    return target
