"""Several files as one configuration: a folder, more than one option, an `include`."""

import os

import pytest

from heartbeat.config import read_file
from heartbeat.config.compile import main
from heartbeat.config.declared import load
from heartbeat.errors import BadConfig

OPS = "channels: {ops: {console: {}}}\n"


def job(slug, notify="ops", more=""):
    return f"jobs:\n  {slug}: {{schedule: every 1h, notify: [{notify}]{more}}}\n"


@pytest.fixture
def files(tmp_path):
    def write(**texts):
        for name, text in texts.items():
            path = tmp_path / f"{name.replace('__', '/')}.yaml"
            path.parent.mkdir(exist_ok=True)
            path.write_text(text)
        return tmp_path

    return write


def mistakes(path):
    with pytest.raises(BadConfig) as bad:
        read_file(path)
    return [problem.removeprefix(f"{path}{os.sep}") for problem in bad.value.problems]


def owners(config):
    return {each.slug: each.source for each in config.jobs}


def test_a_folder_of_files_each_with_its_own_owner_and_channels(files):
    folder = files(a=OPS + job("one"), b="name: team-b\nchannels: {pager: {console: {}}}\n" + job("two", "pager"))
    (folder / "notes.txt").write_text("not ours")
    config = read_file(folder)
    assert owners(config) == {"one": "a.yaml", "two": "team-b"}
    assert (sorted(config.channels), sorted(config.owners)) == (["ops", "pager"], ["a.yaml", "team-b"])
    assert config.name == "a.yaml, team-b"


def test_defaults_hold_for_their_own_file_alone(files):
    folder = files(a=f"defaults: {{grace: 1m}}\n{OPS}{job('one')}", b=job("two"))
    assert {each.slug: each.grace for each in read_file(folder).jobs} == {"one": 60_000, "two": 600_000}


def test_several_files_by_name(files):
    folder = files(a=OPS + job("one"), b=job("two"), c=job("three"))
    given = os.pathsep.join(str(folder / name) for name in ("a.yaml", "b.yaml"))
    assert sorted(owners(read_file(given))) == ["one", "two"]


def test_an_included_file_belongs_to_the_one_above_unless_it_has_a_name(files):
    folder = files(
        jobs="include: [teams/*.yaml, more.yaml]\n" + OPS + job("one"),
        teams__a=job("two"),
        teams__b="name: team-b\n" + job("three"),
        more="defaults: {notify: [ops]}\njobs: {four: {schedule: every 1h}}\n",
    )
    config = read_file(folder / "jobs.yaml")
    assert owners(config) == {"one": "jobs.yaml", "two": "jobs.yaml", "three": "team-b", "four": "jobs.yaml"}
    assert config.name == "jobs.yaml"
    assert len(config.watched) == 3


def test_every_mistake_of_every_file_is_told_at_its_place(files):
    folder = files(a=OPS + job("one", "opps"), b="jobs: {x: {schedul: every 1h}}\n", c="jobs: {\n")
    assert {text.split(":")[0] for text in mistakes(folder)} == {"b.yaml", "c.yaml"}
    (folder / "c.yaml").unlink()
    assert 'a.yaml:3:38: jobs.one.notify: unknown channel "opps"; did you mean `ops`?' in mistakes(folder)


@pytest.mark.parametrize(
    ("a", "b", "said"),
    [
        (OPS + job("one"), job("one"), "b.yaml:2:3: jobs.one: this job stands in"),
        (OPS + job("one"), OPS.replace("console: {}", "sns: t") + job("two"), "has another channel of this name"),
        (f"{OPS}service: {{notify: ops}}\n{job('x')}", "service: {notify: ops}\n" + job("y"), "`service` stands in"),
    ],
    ids=["a job twice", "two channels of one name", "service twice"],
)
def test_what_two_files_may_not_both_say(files, a, b, said):
    folder = files(a=a, b=b)
    assert any(said in text and text.startswith("b.yaml:") for text in mistakes(folder))


def test_the_same_channel_in_two_files_is_one(files):
    assert list(read_file(files(a=OPS + job("one"), b=OPS + job("two"))).channels) == ["ops"]


def test_two_files_of_one_name_and_no_other(files):
    folder = files(x__jobs=OPS + job("one"), y__jobs=job("two"))
    given = os.pathsep.join(str(folder / name / "jobs.yaml") for name in ("x", "y"))
    with pytest.raises(BadConfig, match=r'belongs to "jobs\.yaml", as .*; write a `name:`'):
        read_file(given)


@pytest.mark.parametrize(
    ("include", "said"),
    [
        ("nowhere/*.yaml", 'jobs.yaml:1:10: include: no file is named "nowhere/\\*.yaml"'),
        ("teams/deep.yaml", "deep.yaml:1:1: include: an included file includes no others"),
    ],
)
def test_what_cannot_be_included(files, include, said):
    folder = files(jobs=f"include: {include}\n{OPS}{job('one')}", teams__deep="include: a.yaml\njobs: {}\n")
    with pytest.raises(BadConfig, match=said):
        read_file(folder / "jobs.yaml")


def test_a_file_that_includes_itself_is_read_once(files):
    folder = files(jobs=f"include: '*.yaml'\n{OPS}{job('one')}")
    assert list(owners(read_file(folder / "jobs.yaml"))) == ["one"]
    assert list(owners(read_file(folder))) == ["one"]


def test_a_stack_is_built_from_a_folder_too(files, tmp_path):
    folder = files(conf__a=OPS + job("one"), conf__b=job("two"))
    assert main(str(folder / "conf"), str(tmp_path / "jobs.json")) == 0
    built = load(tmp_path / "jobs.json")
    assert owners(built) == {"one": "a.yaml", "two": "b.yaml"}
    assert str(tmp_path) not in (tmp_path / "jobs.json").read_text()
