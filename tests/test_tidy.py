"""The house rules, measured: sizes of functions and files, which way imports point, what the core may not do."""

import ast
import re
import statistics
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE, TESTS = ROOT / "heartbeat", ROOT / "tests"
FILES = sorted(PACKAGE.rglob("*.py"))

LAYERS = {
    "doors/cli": "the command line",
    "doors/server": "`heartbeat serve`: the HTTP process, the core process, the clock, the scheduler",
    "doors/lambdas": "the functions of the AWS stack",
    "doors/api": "the JSON API, and the JSON shapes that the command line shares with it",
    "doors/http": "what every HTTP door does with a ping",
    "worker": "messages of a queue as runs",
    "verbs": "read, decide, commit once, retry a lost race",
    "importing": "crontabs, timers and what other schedulers say, to a jobs.yaml",
    "ingest": "what the world says, as signals",
    "config": "jobs.yaml",
    "settings": "environment and options",
    "channels": "whom we tell",
    "targets": "what we start",
    "outbound": "the one way out for HTTP",
    "core": "every decision; pure",
    "store/address": "which store it is",
    "store/sqlite": "the store in one file",
    "store/dynamodb": "the store in one table",
    "store": "what the verbs need of a store; rows as JSON",
    "text": "every sentence about an alert, instants in words, text made safe; pure",
    "schedule": "dialects to slots; pure",
    "redact": "our secrets, taken out of what others say",
    "telemetry": "what the service says of itself",
    "secrets": "`${env:…}` and its like",
    "aws": "clients of services of AWS",
    "model": "the nouns",
    "client": "the client, one file",
    "distribution": "its name on PyPI, and how to install it",
    "errors": "the exception tree",
}
"""Top to bottom: each may import only what stands below it. docs/architecture.md has the same list."""
PURE = {"core", "text", "schedule", "model", "errors"}
"""No clock, no I/O, and nothing imported but each other."""
PROTOCOLS = {"store.protocol", "channels.protocol", "targets.protocol"}
"""All that the verbs know of stores, channels and targets."""
LINES_MAX = {"heartbeat/client.py": 1_250}
"""Of files that may be longer: the client is one file, because people copy it."""
CLOCKS = {"now", "utcnow", "today", "time", "time_ns", "monotonic", "perf_counter", "localtime", "gmtime"}
CROSSING = {
    "as_newcomer",
    "aws_stack",
    "client",
    "cost",
    "data",
    "every_language",
    "fuzz",
    "infra",
    "real_clients",
    "recipes",
    "simulation",
    "snippets",
}
"""Folders of tests that are about more than one of the layers, or about what is no folder of the package."""
READS_CLOCK = re.compile(r"(datetime\.)?(datetime|date)\.(now|utcnow|today)|time\.(time|time_ns)")
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


def layer(module):
    """The longest of the layers' names that this module's begins with; "" for the package itself."""
    name = module.removeprefix("heartbeat").removeprefix(".").replace(".", "/")
    fits = [each for each in LAYERS if name == each or name.startswith(f"{each}/")]
    return max(fits, key=len, default="")


def imports(path):
    """The modules that a file imports, those for types alone included."""
    yield from imported(path.read_text(), module_of(path), is_package=path.stem == "__init__")


def imported(text, module, *, is_package=False):
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.ImportFrom):
            above = module.split(".")[: len(module.split(".")) + is_package - node.level] if node.level else []
            origin = ".".join([*above, *filter(None, [node.module])])
            for alias in node.names:
                whole = f"{origin}.{alias.name}"
                yield whole if whole in MODULES else origin
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def module_of(path):
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_of(path) for path in FILES}


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


def ours(path):
    return {name for name in imports(path) if name in MODULES} - {module_of(path)}


GRAPH = {module_of(path): ours(path) for path in FILES}
"""Which modules of ours each of ours imports."""


def wrong_ways(graph):
    order = {name: number for number, name in enumerate(["", *LAYERS])}
    return [
        f"{module} imports {name}"
        for module, names in graph.items()
        for name in names
        if layer(name) != layer(module) and order[layer(name)] <= order[layer(module)]
    ]


def circles(graph):
    """What is left once all is taken away that imports nothing of the rest, or is imported by nothing of it."""
    while True:
        wanted = set().union(*graph.values())
        kept = {name: needs for name, needs in graph.items() if name in wanted and needs & graph.keys()}
        if kept.keys() == graph.keys():
            return set(graph)
        graph = kept


def test_every_module_has_a_layer():
    assert [module_of(path) for path in FILES if not layer(module_of(path)) and path.read_text().strip()] == [
        "heartbeat"
    ]


def test_every_layer_has_a_module():
    assert {layer(module) for module in MODULES} == {"", *LAYERS}


def test_imports_point_down():
    assert wrong_ways(GRAPH) == []


def test_no_module_leads_back_to_itself():
    assert circles(GRAPH) == set()


@pytest.mark.parametrize(
    "text",
    [
        "from heartbeat.verbs.sweep import sweep",
        "from heartbeat.verbs import sweep",
        "import heartbeat.verbs.sweep",
        "import heartbeat.verbs.sweep as late",
        "from ..verbs.sweep import sweep",
        "from ..verbs import sweep",
        "if TYPE_CHECKING:\n    from heartbeat.verbs.sweep import Swept",
        "def late():\n    from heartbeat.verbs.sweep import sweep",
    ],
)
def test_an_import_is_seen_however_it_is_written(text):
    assert set(imported(text, "heartbeat.core.slots")) == {"heartbeat.verbs.sweep"}
    found = wrong_ways({"heartbeat.core.slots": set(imported(text, "heartbeat.core.slots"))})
    assert found == ["heartbeat.core.slots imports heartbeat.verbs.sweep"]


def test_a_circle_is_seen():
    assert "heartbeat.core.slots" in GRAPH["heartbeat.core.on_signal"]
    for text in ("from heartbeat.core import on_signal", "from . import on_signal", "from .on_signal import judge"):
        back = GRAPH["heartbeat.core.slots"] | set(imported(text, "heartbeat.core.slots"))
        assert {"heartbeat.core.slots", "heartbeat.core.on_signal"} <= circles(GRAPH | {"heartbeat.core.slots": back})


def test_the_verbs_know_stores_channels_and_targets_by_their_protocols():
    hidden = ("store", "channels", "targets")
    found = {
        f"{module_of(path)} imports {name}"
        for path in FILES
        for name in ours(path)
        if layer(module_of(path)) == "verbs"
        and layer(name).startswith(hidden)
        and name.removeprefix("heartbeat.") not in PROTOCOLS
    }
    assert found == set()


def test_what_is_pure_imports_only_what_is_pure():
    pure = [path for path in FILES if layer(module_of(path)) in PURE]
    assert [f"{module_of(p)} imports {name}" for p in pure for name in ours(p) if layer(name) not in PURE] == []


@pytest.mark.parametrize("path", [p for p in FILES if layer(module_of(p)) in PURE], ids=module_of)
def test_what_is_pure_reads_no_clock_and_does_no_io(path):
    calls = {
        n.func.attr
        for n in ast.walk(ast.parse(path.read_text()))
        if isinstance(n, ast.Call) and isinstance(n.func, ast.Attribute)
    }
    assert calls & (CLOCKS - {"time"}) == set()
    assert {name.split(".")[0] for name in imports(path)} & (OUTSIDE | {"time"}) == set()


def reads_clock(node):
    """Or takes a clock in under a name by which it would not be known."""
    if isinstance(node, ast.ImportFrom):
        return node.module == "time" and bool({alias.name for alias in node.names} & {"time", "time_ns"})
    if isinstance(node, ast.Import):
        return any(alias.asname and alias.name in {"time", "datetime"} for alias in node.names)
    return isinstance(node, ast.Attribute) and bool(READS_CLOCK.fullmatch(ast.unparse(node)))


@pytest.mark.parametrize(
    "text",
    [
        "datetime.now(UTC)",
        "datetime.datetime.now()",
        "date.today()",
        "clock = datetime.now",
        "time.time()",
        "time.time_ns()",
        "from time import time",
        "import time as t",
    ],
)
def test_a_clock_is_seen_however_it_is_written(text):
    assert any(reads_clock(node) for node in ast.walk(ast.parse(text)))


def test_no_clock_below_the_doors():
    below = [p for p in FILES if not layer(module_of(p)).startswith(("doors", "worker", "client"))]
    nodes = ((path, node) for path in below for node in ast.walk(ast.parse(path.read_text())))
    assert [f"{module_of(path)}:{node.lineno}" for path, node in nodes if reads_clock(node)] == []


def classes():
    """Name -> the files that have a class of that name. The client is one file that people copy: it is not asked."""
    found = {}
    for path in (path for path in FILES if path.name != "client.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ClassDef):
                found.setdefault(node.name, []).append(str(path.relative_to(PACKAGE)))
    return found


def test_no_two_classes_have_the_same_name():
    found = classes()
    assert len(found) > 200
    assert {name: files for name, files in found.items() if len(files) > 1} == {}


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


def test_the_page_about_the_architecture_has_these_layers():
    page = (ROOT / "docs" / "architecture.md").read_text().partition("### Where is")[0]
    assert re.findall(r"^\| `([\w/]+?)/?(?:\.py)?` \| (.+?) \|$", page, re.MULTILINE) == list(LAYERS.items())


def test_the_page_about_the_architecture_names_files_that_there_are():
    page = (ROOT / "docs" / "architecture.md").read_text()
    stems = {path.stem for place in ("heartbeat", "infra", "tests", "bench") for path in (ROOT / place).rglob("*.py")}
    assert [name for name in re.findall(r"`(?:\w+/)*(\w+)\.py`", page) if name not in stems] == []


def test_the_page_about_the_architecture_names_paths_that_there_are():
    page = (ROOT / "docs" / "architecture.md").read_text()
    named = set(re.findall(r"`((?:\w+/)+\w+\.py)`", page))
    assert len(named) > 50
    assert {name for name in named if not any((place / name).exists() for place in (PACKAGE, ROOT))} == set()


def test_tests_lie_where_what_they_test_lies():
    folders = {path.parent.relative_to(TESTS) for path in TESTS.rglob("*.py")}
    alone = {str(folder) for folder in folders if not set(folder.parts) & CROSSING}
    assert {folder for folder in alone if not (PACKAGE / folder).is_dir()} == set()
    assert {name for name in CROSSING if not (TESTS / name).is_dir()} == set()
    page = (ROOT / "CONTRIBUTING.md").read_text()
    assert {name for name in CROSSING - {"client", "data"} if f"`{name}`" not in page} == set()


def test_no_two_files_of_the_tests_have_the_same_name():
    names = Counter(path.stem for path in TESTS.rglob("*.py") if "apps" not in path.parts)
    assert [name for name, count in names.items() if count > 1] == ["conftest"]
