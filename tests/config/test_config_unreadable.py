"""Text that is no YAML, or would cost too much to read. Both of PyYAML's parsers are told apart by nothing."""

from __future__ import annotations

import time

import pytest
import yaml

from heartbeat.config import read, read_file
from heartbeat.config.findings import Findings, Mistake
from heartbeat.config.nodes import compose
from heartbeat.errors import BadConfig

STAR = 'a value that begins with * or & must be quoted: "*/5 * * * *"'
OPEN = "a comma or closing bracket is missing; a value that begins with { or [ is quoted"
COLON = "a value with `: ` in it must be quoted; or the line is indented too far"
FIT = "this does not fit the lines above: check the indentation and the quotes"


@pytest.mark.parametrize("loader", [yaml.CSafeLoader, yaml.SafeLoader])
@pytest.mark.parametrize(
    ("text", "line", "column", "advice"),
    [
        ("a: * * * * *", 1, 5, STAR),
        ("a: */5 * * * *", 1, 5, STAR),
        ("a: @daily", 1, 4, "a value that begins with @ must be quoted"),
        ("a: %x", 1, 4, "a value that begins with % must be quoted"),
        ("a:\n\tb: 1", 2, 1, "a tab cannot indent; use spaces"),
        ("a: 1\nb: see: that", 2, 7, COLON),
        ("a: b\n  c: d", 2, 4, COLON),
        ("a:\n  b: 1\n c: 2", 3, 2, FIT),
        ("a: 'x\nb: 1", 1, 4, "the quote that opens here is not closed"),
        ('a: "x\nb: 1', 1, 4, "the quote that opens here is not closed"),
        ("a: 'x' y", 1, 8, "text after a closing bracket or quote; quote the whole value"),
        ("a: {date:%Y}/x", 1, 13, "text after a closing bracket or quote; quote the whole value"),
        ("a: {b: 1\nc: 2", 1, 4, OPEN),
        ("a: [1, 2\nc: 2", 1, 4, OPEN),
        ("a: {key: x/{date:%Y}/y}", 1, 4, OPEN),
        ("a: !<x", 1, 7, "a value that begins with ! must be quoted"),
    ],
)
def test_where_it_breaks_and_what_to_write(loader: type, text: str, line: int, column: int, advice: str):
    with pytest.raises(Mistake) as caught:
        compose(text, Findings(name=""), loader)
    assert caught.value.problem == f"this is not YAML: {advice}"
    assert (caught.value.place.line, caught.value.place.column) == (line, column)


def test_a_backslash_in_double_quotes(problems):
    (problem,) = problems('jobs: {a: {schedule: "\\d"}}')
    assert problem.endswith("a backslash in double quotes begins an escape; write the value in single quotes")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "1:1: the file is empty; write `jobs: {}` if it should have no jobs"),
        ("# nothing\n", "1:1: the file is empty; write `jobs: {}` if it should have no jobs"),
        ("jobs: {}\n---\njobs: {}", "2:1: a second document begins here; leave one, without `---` between"),
        ("jobs: {}\n\x07", "2:1: the character \\x07 is not allowed in YAML; remove it"),
        ("jobs: \ud800", "1:7: the character \\ud800 is not allowed in YAML; remove it"),
        ("jobs: !secret x", '1:7: jobs: the tag "!secret" is not understood; leave it out'),
        ("jobs: !map {}", '1:7: jobs: the tag "!map" is not understood; leave it out'),
        ("{a: b}: 1", "1:1: a list or mapping cannot be a key; a value that begins with { or [ must be quoted"),
        (
            "jobs: *all",
            (
                "1:7: jobs: `*all` stands for `&all`, which is not written before it; "
                "a value that begins with * must be quoted"
            ),
        ),
        (
            "jobs: &a {b: *a}",
            (
                "1:14: jobs.b: `*a` stands for `&a`, which is not written before it; "
                "a value that begins with * must be quoted"
            ),
        ),
        ("jobs: {<<: 3}", "1:12: jobs.<<: `<<` takes a mapping or a list of mappings: <<: *base"),
        ("jobs: {a: " + "[" * 50 + "]" * 50 + "}", "1:50: jobs.a: more than 40 levels deep; nothing in a jobs file is"),
    ],
)
def test_what_is_not_taken(problems, text: str, problem: str):
    assert problems(text) == [problem]


def test_many_laughs_are_few_lines(problems):
    lines = ["a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12)]
    (problem,) = problems("\n".join(lines))
    assert problem.endswith("more than 1,000,000 values when all aliases are unfolded; use fewer")


def test_a_long_chain_of_aliases_is_deep_too(problems):
    lines = ["x0: &a0 [1]"] + [f"x{n}: &a{n} [*a{n - 1}]" for n in range(1, 60)]
    (problem,) = problems("\n".join(lines))
    assert "more than 40 levels deep" in problem


def test_ten_thousand_brackets_do_not_end_the_program(problems):
    (problem,) = problems("a: " + "[" * 10_000)
    assert "more than 40 levels deep" in problem


def test_too_long_a_text(problems):
    (problem,) = problems("#" * 20_000_001)
    assert problem == "1:1: the file has 20,000,001 characters; at most 20,000,000 are read: split it"


def test_the_byte_order_mark_is_no_mistake():
    assert read("\ufeffjobs: {}").jobs == ()


@pytest.mark.parametrize(
    ("raw", "problem"),
    [
        (b"jobs: {}\n# \x93\xfa\x96{", ":2:3: byte 0x93 is not UTF-8; save the file as UTF-8 (is it Shift_JIS or"),
        ("jobs: {}".encode("utf-16"), ":1:1: the file is UTF-16; save it as UTF-8"),
        (b"#" * 20_000_001, ":1:1: the file has 20,000,001 bytes; at most 20,000,000 are read: split it"),
    ],
)
def test_files_that_are_no_text(tmp_path, raw: bytes, problem: str):
    path = tmp_path / "jobs.yaml"
    path.write_bytes(raw)
    with pytest.raises(BadConfig) as caught:
        read_file(path)
    assert caught.value.problems[0].startswith(f"{path}{problem}")


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(BadConfig, match="the file cannot be read: No such file or directory"):
        read_file(tmp_path / "jobs.yaml")
    with pytest.raises(BadConfig, match=r"the folder holds no \*\.yaml"):
        read_file(tmp_path)


def test_a_file_owns_its_jobs_under_its_name_alone(tmp_path):
    path = tmp_path / "batch.yaml"
    path.write_bytes(b"\xef\xbb\xbfjobs: {a: {schedule: every 1h}}")
    assert read_file(path).jobs[0].source == "batch.yaml"


def test_two_thousand_jobs_take_a_moment():
    text = "defaults: {timezone: UTC}\njobs:\n"
    text += "".join(f"  job-{n}:\n    schedule: '{n % 60} 9 * * *'\n    grace: 15m\n" for n in range(2000))
    began = time.perf_counter()
    assert len(read(text).jobs) == 2000
    assert time.perf_counter() - began < 5
