"""Celery beat: the dictionary `beat_schedule` in Python's source. It is read, never run."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, NamedTuple

from heartbeat.importing.crontab import Unreadable
from heartbeat.importing.sources.entry import LeftOut, Origin, SourceEntry
from heartbeat.schedule import format_duration

if TYPE_CHECKING:
    from collections.abc import Iterator

    from heartbeat.importing.sources.entry import Found

_SCHEDULES = frozenset({"beat_schedule", "CELERY_BEAT_SCHEDULE", "CELERYBEAT_SCHEDULE", "CELERY_BEAT"})
_ZONES = frozenset({"timezone", "CELERY_TIMEZONE", "CELERYD_TIMEZONE"})
_FIELDS = ("minute", "hour", "day_of_week", "day_of_month", "month_of_year")
_UNIX_ORDER = ("minute", "hour", "day_of_month", "month_of_year", "day_of_week")
_SECONDS = {"days": 86_400, "seconds": 1, "minutes": 60, "hours": 3600, "weeks": 604_800}
_PLACES = ("days", "seconds")


class _Module(NamedTuple):
    """What is assigned in the file: names to plain values, schedules in order, and the zone."""

    values: dict[str, ast.expr]
    schedules: list[ast.Dict]
    calls: list[ast.Call]
    zone: str


def read_celery(text: str) -> Iterator[Found]:
    """Every entry of every schedule in the file, and every `add_periodic_task`."""
    try:
        module = _module(ast.parse(text))
    except (SyntaxError, ValueError, RecursionError, MemoryError) as bad:
        raise Unreadable(f"it is no Python: {bad}") from None
    if not module.schedules and not module.calls:
        raise Unreadable("there is no beat_schedule in it, and no add_periodic_task")
    for table in module.schedules:
        for key, value in zip(table.keys, table.values, strict=True):
            yield _read(_text(key) or "", value, _inside(value, "schedule"), module)
    for call in module.calls:
        named = next((_text(each.value) for each in call.keywords if each.arg == "name"), "")
        task = call.args[1] if len(call.args) > 1 else None
        yield _read(named or _task_name(task), call, call.args[0] if call.args else None, module)


def _module(tree: ast.Module) -> _Module:
    found = _Module({}, [], [], "")
    zone = ""
    for node in ast.walk(tree):
        for name, value in _assigned(node):
            if name in _SCHEDULES and isinstance(table := _table(value), ast.Dict):
                found.schedules.append(table)
            elif name in _ZONES and _text(value):
                zone = _text(value)
            else:
                found.values.setdefault(name, value)
        if isinstance(node, ast.Call) and _called(node) == "add_periodic_task":
            found.calls.append(node)
    found.schedules.sort(key=lambda table: table.lineno)  # `walk` goes by depth
    found.calls.sort(key=lambda call: call.lineno)
    return found._replace(zone=zone)


def _assigned(node: ast.AST) -> Iterator[tuple[str, ast.expr]]:
    """Names and what they are set to: `x = …`, `a.x = …`, `x: T = …`, `update(x=…)`."""
    if isinstance(node, ast.Assign):
        yield from ((_last(target), node.value) for target in node.targets)
    elif isinstance(node, ast.AnnAssign) and node.value is not None:
        yield _last(node.target), node.value
    elif isinstance(node, ast.Call) and _called(node) == "update":
        yield from ((each.arg, each.value) for each in node.keywords if each.arg)
        owner = node.func.value if isinstance(node.func, ast.Attribute) else None
        if owner is not None and _last(owner) in _SCHEDULES and node.args:
            yield _last(owner), node.args[0]


def _table(node: ast.expr) -> ast.expr:
    """`dict(a=…)` as `{"a": …}`."""
    if not (isinstance(node, ast.Call) and _called(node) == "dict" and not node.args):
        return node
    named = [each for each in node.keywords if each.arg]
    table = ast.Dict(keys=[ast.Constant(each.arg) for each in named], values=[each.value for each in named])
    return ast.copy_location(table, node)


def _last(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def _called(node: ast.Call) -> str:
    return _last(node.func)


def _text(node: ast.expr | None) -> str:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def _inside(node: ast.expr, key: str) -> ast.expr | None:
    """The value of a key in a dictionary."""
    table = _table(node)
    if not isinstance(table, ast.Dict):
        return None
    return next((value for name, value in zip(table.keys, table.values, strict=True) if _text(name) == key), None)


def _task_name(node: ast.expr | None) -> str:
    """`tasks.clean` for `tasks.clean.s()`."""
    return _last(node.func.value) if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) else ""


def _read(name: str, entry: ast.expr, schedule: ast.expr | None, module: _Module) -> Found:
    try:
        return SourceEntry(name=name, times=(_time(schedule, module),), zone=module.zone, line=entry.lineno)
    except Unreadable as why:
        return LeftOut(name=name, line=entry.lineno, why=str(why))


def _time(node: ast.expr | None, module: _Module) -> str:
    if isinstance(node, ast.Name) and node.id in module.values:
        node = module.values[node.id]
    if node is None:
        raise Unreadable("it has no schedule that can be read")
    if isinstance(node, ast.Call) and _called(node) == "crontab":
        return _crontab(node)
    if isinstance(node, ast.Call) and _called(node) in {"schedule", "solar"}:
        inner = node.args[0] if node.args else next((each.value for each in node.keywords), None)
        if _called(node) == "solar":
            raise Unreadable("solar: it goes by the sun; Heartbeat's schedules go by the clock")
        return _time(inner, module)
    return _interval(_seconds(node, module.values))


def _interval(seconds: float) -> str:
    if seconds <= 0 or seconds != int(seconds):
        raise Unreadable(f"{seconds:g} seconds: an interval has whole seconds")
    return f"every {format_duration(int(seconds) * 1000)}"


def _crontab(call: ast.Call) -> str:
    """Celery: all fields must fit, also both days; an empty field is a `*`."""
    fields = dict.fromkeys(_FIELDS, "*")
    given = dict(zip(_FIELDS, call.args, strict=False)) | {each.arg: each.value for each in call.keywords if each.arg}
    for name, value in given.items():
        if name not in fields:
            raise Unreadable(f"crontab({name}=…) is not known here")
        fields[name] = _field(value)
    if "*" not in {fields["day_of_week"], fields["day_of_month"]}:
        raise Unreadable("day_of_week and day_of_month: to Celery both must fit; no schedule here says that")
    return " ".join(fields[name] for name in _UNIX_ORDER)


def _field(node: ast.expr) -> str:
    if isinstance(node, ast.Constant) and isinstance(node.value, int | str):
        return str(node.value).replace(" ", "")
    if isinstance(node, ast.List | ast.Tuple | ast.Set):
        return ",".join(_field(each) for each in node.elts)
    raise Unreadable(f"{ast.unparse(node)} is computed: write the time as a number or a text")


def _seconds(node: ast.expr, known: dict[str, ast.expr], depth: int = 0) -> float:
    """The value of `30`, `60 * 60`, `timedelta(hours=1)`, `HOUR`. Raises Unreadable."""
    if isinstance(node, ast.Constant) and isinstance(node.value, int | float) and not isinstance(node.value, bool):
        return node.value
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult | ast.Add | ast.Div) and depth < len(_FIELDS):
        left, right = _seconds(node.left, known, depth + 1), _seconds(node.right, known, depth + 1)
        if isinstance(node.op, ast.Mult):
            return left * right
        return left + right if isinstance(node.op, ast.Add) else left / (right or 1)
    if isinstance(node, ast.Name) and node.id in known and depth < len(_FIELDS):
        return _seconds(known[node.id], known, depth + 1)
    if isinstance(node, ast.Call) and _called(node) == "timedelta":
        given = [*zip(_PLACES, node.args, strict=False), *((each.arg or "", each.value) for each in node.keywords)]
        if all(name in _SECONDS for name, _ in given):
            return sum(_SECONDS[name] * _seconds(value, known, depth + 1) for name, value in given)
    raise Unreadable(f"{ast.unparse(node)[:60]} is computed: write the time as a number, timedelta or crontab")


ORIGIN = Origin(
    read=read_celery,
    zone="UTC",
    zone_from="Celery's default",
    tells="have each task ping: one signal handler for all of them is in docs/snippets.md",
)
