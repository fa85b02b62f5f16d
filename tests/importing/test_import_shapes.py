"""`heartbeat import` on files of the shapes that people have: shapes/SOURCE/FILE; shapes/expected is the result.

A line of `expected` is a file with its options; below it stand its jobs (`name | schedule | zone | grace | line`) and
what is not imported (`!!`). The files are made up in the shape of public ones.
"""

import json
import random
from pathlib import Path

import pytest

from heartbeat.config import read
from heartbeat.doors.cli import main
from heartbeat.importing.page import jobs_yaml
from heartbeat.importing.sources.gather import SourceText, read_sources
from heartbeat.importing.sources.origins import ORIGINS, origin

SHAPES = Path(__file__).parent / "shapes"
EXPECTED = {
    head: tuple(lines)
    for head, *lines in (block.splitlines() for block in (SHAPES / "expected").read_text().strip().split("\n\n"))
}
DEFAULTS = {"crontab": ("--timezone", "UTC", "--cron", "debian"), "systemd": ("--timezone", "UTC")}


def told(head, capfd):
    """The result in the form of `expected`, and the jobs.yaml."""
    file, *options = head.split()
    source = file.partition("/")[0]
    given = options or DEFAULTS.get(source, ("--timezone", "UTC") if source == "whenever" else ())
    assert main(["import", *given, source, str(SHAPES / file), "--json"], clock=lambda: 0) == 0
    said = json.loads(capfd.readouterr().out)
    jobs = {job.slug: job for job in read(said["jobs_yaml"]).jobs}
    lines = []
    for each in said["jobs"]:
        job = jobs.pop(each["job"])
        off = "" if job.enabled else " | off"
        where = each["where"].partition(" ")[0].rpartition("/")[2].partition(":")[2] or "-"
        times = "; ".join(job.schedule)
        lines.append(f"  {job.slug} | {times} | {job.timezone} | {job.grace // 1000} | {where}{off}")
    lines += [f"  !! {each['where'].rpartition('/')[2]}: {each['text']}" for each in said["not_imported"]]
    assert jobs == {}
    return tuple(lines)


@pytest.mark.parametrize("head", EXPECTED)
def test_heartbeat_import_on_a_file_of_public_shape(head, capfd):
    assert told(head, capfd) == EXPECTED[head]


def test_there_are_at_least_forty_files_and_each_is_asked():
    files = {
        str(path.relative_to(SHAPES)) for path in SHAPES.rglob("*") if path.is_file() and path.suffix != ".service"
    }
    assert files - {"expected"} == {head.split()[0] for head in EXPECTED}
    assert len(files) > 40


def mutilated(text, dice):
    """The text with some of it gone, doubled, or something else."""
    for _ in range(dice.randrange(1, 6)):
        start = dice.randrange(len(text) + 1)
        end = start + dice.randrange(12)
        text = text[:start] + dice.choice(["", text[start:end] * 2, *ODD]) + text[end:]
    return text


ODD = [
    "\udcff",
    "\x00",
    "\n",
    ": ",
    "- ",
    "{",
    "}",
    "[",
    '"',
    "'",
    "!!python/object:os.system ",
    "&a ",
    "*a",
    "<<: ",
    "#",
]
ODD += [
    "#",
    "on",
    "1e9",
    "9" * 30,
    "\u2028",
    "é",
    "{{ x }}",
    "<%= x %>",
    "=>",
    ":a",
    "(",
    "* * * * *",
    "every ",
    "-",
    "\t",
]


@pytest.mark.parametrize("seed", range(25))
@pytest.mark.parametrize("source", sorted(ORIGINS))
def test_whatever_is_broken_in_a_file_is_listed_and_the_page_is_read(source, seed):
    dice = random.Random(seed)  # noqa: S311 - not for secrets
    for path in sorted((SHAPES / source).iterdir()):
        text = SourceText(path.name, mutilated(path.read_text(), dice))
        found = read_sources([text], origin(source), zone="UTC", prefix="", now=0)
        page = jobs_yaml(found, source="a file", zone="UTC", zone_from="a test")
        page.encode()
        assert [job.slug for job in read(page).jobs] == [job.slug for job in found.jobs]
        assert found.jobs or found.listed
