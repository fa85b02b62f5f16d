"""The house rules, measured: sizes of functions and files, which way imports point, what the core may not do."""

import ast
import re
import statistics
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "heartbeat"
FILES = sorted(PACKAGE.rglob("*.py"))

CORE = {
    "assertions",
    "blind",
    "limits",
    "setback",
    "offset",
    "model",
    "schedule",
    "slots",
    "judge",
    "overdue",
    "orders",
    "starting",
    "expected",
    "overlap",
    "remembered",
    "runs",
    "case",
    "definition",
    "transition",
    "alerts",
    "outbox",
    "explain",
    "clean",
    "wording",
    "startwords",
    "timewords",
}
VERBS = {
    "record",
    "sweep",
    "deliver",
    "lane",
    "parcels",
    "traffic",
    "apply",
    "trigger",
    "manage",
    "documents",
    "illness",
    "stuck",
    "clockset",
}
EDGES = {
    "importing",
    "ingest",
    "channels",
    "targets",
    "store",
    "config",
    "secrets",
    "sender",
    "urls",
    "veil",
    "client",
    "telemetry",
}
MAY_IMPORT = {
    "core": {"core", "errors"},
    "verbs": {"core", "verbs", "errors", "store.protocol", "config", "channels.protocol", "targets.protocol"},
    "edges": {"core", "edges", "errors"},
    "doors": {"core", "verbs", "edges", "doors", "errors", "settings", "wiring"},
    "wiring": {"core", "verbs", "edges", "doors", "errors", "settings", "wiring"},
    "settings": {"core", "errors", "settings", "edges"},
    "errors": set(),
    "heartbeat": {"edges"},
}
LINES_MAX = {"heartbeat/client.py": 900}
"""Of files that may be longer: the client is one file, because people copy it."""
CLOCKS = {"now", "utcnow", "today", "time", "time_ns", "monotonic", "perf_counter", "localtime", "gmtime"}
REASON = re.compile(r"# noqa: [A-Z0-9, ]+[-(]+ ?\w")
OUTSIDE = {
    "os",
    "socket",
    "subprocess",
    "sqlite3",
    "boto3",
    "urllib",
    "urllib3",
    "http",
    "requests",
    "pathlib",
    "threading",
}


def lengths(path):
    tree = ast.parse(path.read_text())
    defs = (n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef))
    return [(n.end_lineno - n.lineno + 1, f"{path.relative_to(ROOT)}:{n.lineno} {n.name}") for n in defs]


def room(module):
    parts = module.split(".")
    name = parts[1] if len(parts) > 1 else "heartbeat"
    for group, names in (("core", CORE), ("verbs", VERBS), ("edges", EDGES)):
        if name in names:
            return group
    return name


def imports(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            names = [f"{node.module}.{a.name}" for a in node.names] if node.module == "heartbeat" else [node.module]
            yield from names
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def module_of(path):
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def test_functions_are_short():
    found = sorted(length for path in FILES for length, _ in lengths(path))
    assert len(found) > 300
    assert statistics.median(found) <= 8
    assert found[len(found) * 9 // 10] <= 20
    assert [long for path in FILES for long in lengths(path) if long[0] > 40] == []


def test_files_are_short():
    found = {str(path.relative_to(ROOT)): len(path.read_text().splitlines()) for path in FILES}
    assert {name: lines for name, lines in found.items() if lines > LINES_MAX.get(name, 300)} == {}
    assert statistics.median(found.values()) <= 110


def test_imports_point_one_way():
    wrong = []
    for path in FILES:
        own = module_of(path)
        allowed = MAY_IMPORT[room(own)]
        for name in imports(path):
            if name.split(".")[0] != "heartbeat":
                continue
            fits = room(name) in allowed or any(name.startswith(f"heartbeat.{one}") for one in allowed)
            if not fits:
                wrong.append(f"{own} imports {name}")
    assert wrong == []


@pytest.mark.parametrize("path", [p for p in FILES if room(module_of(p)) == "core"], ids=module_of)
def test_the_core_reads_no_clock_and_does_no_io(path):
    calls = {
        n.func.attr
        for n in ast.walk(ast.parse(path.read_text()))
        if isinstance(n, ast.Call) and isinstance(n.func, ast.Attribute)
    }
    assert calls & (CLOCKS - {"time"}) == set()
    assert {name.split(".")[0] for name in imports(path)} & (OUTSIDE | {"time"}) == set()


def reads_clock(node):
    return (
        isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and (node.value.id, node.attr)
        in {("datetime", "now"), ("datetime", "utcnow"), ("time", "time"), ("time", "time_ns")}
    )


def test_no_clock_below_the_doors():
    below = [p for p in FILES if room(module_of(p)) not in {"doors", "wiring"} and p.name != "client.py"]
    nodes = ((path, node) for path in below for node in ast.walk(ast.parse(path.read_text())))
    assert [f"{module_of(path)}:{node.lineno}" for path, node in nodes if reads_clock(node)] == []


def test_nothing_is_called_utils():
    assert [p.name for p in FILES if p.stem in {"utils", "util", "helpers", "common", "misc"}] == []


def test_every_lint_exception_has_a_reason():
    bare = []
    for path in FILES:
        for number, line in enumerate(path.read_text().splitlines(), 1):
            if "# noqa" in line and not REASON.search(line):
                bare.append(f"{path.relative_to(ROOT)}:{number}")
            if "type: ignore" in line and " # " not in line.split("type: ignore", 1)[1]:
                bare.append(f"{path.relative_to(ROOT)}:{number}")
    assert bare == []


@pytest.mark.parametrize(("name", "modules"), [("core", CORE), ("verbs", VERBS), ("edges", EDGES)])
def test_the_page_about_the_architecture_has_these_rooms(name, modules):
    page = (ROOT / "docs" / "architecture.md").read_text()
    row = re.search(rf"^\| {name}: (.+?) \|", page, re.MULTILINE)[1]
    assert sorted(re.findall(r"`(\w+)(?:/|\.py)`", row)) == sorted(modules)


def test_the_page_about_the_architecture_names_files_that_there_are():
    page = (ROOT / "docs" / "architecture.md").read_text()
    stems = {path.stem for place in ("heartbeat", "infra", "tests", "bench") for path in (ROOT / place).rglob("*.py")}
    assert [name for name in re.findall(r"`(?:\w+/)*(\w+)\.py`", page) if name not in stems] == []
