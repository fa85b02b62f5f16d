"""The figures of docs/cost.md: units counted on the code, dollars from units and prices. Page and test cannot part."""

import json
import re
from pathlib import Path

import pytest
from counting import Units, counted, counted_starts

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "cost.md").read_text()
TEMPLATE = (Path(__file__).parents[2] / "infra" / "template.yaml").read_text()
ALARMS = len(re.findall(r"Type: AWS::CloudWatch::Alarm\n(?!    Condition:)", TEMPLATE))
"""Those that are always there."""
HOURS, MINUTES = 730, 43_800
MILLION = 1_000_000
FLEETS = {  # runs a month; how many ping functions start cold for them; seconds of the checker beyond its idle ones
    "1 daily job": (30, 30, 0),
    "100 jobs every 5 minutes": (876_000, 2_000, 2_000),
    "10,000 hourly jobs": (7_300_000, 8_000, 7_300),
}
STARTS_COLD = {"1 daily job": 30, "100 jobs every 5 minutes": 2_000, "10,000 hourly jobs": 20_000}
PING_WARM, PING_COLD, SWEEP_IDLE, MEMORY_GB = 0.02, 0.4, 0.08, 0.5
START_WARM, START_COLD = 0.2, 0.7
LOG_BYTES_A_CALL, LOG_BYTES_A_SWEEP, HISTORY_BYTES, HISTORY_MONTHS = 300, 500, 450, 3


def rows(heading):
    """The rows of the table below a heading: {first cell: [other cells]}."""
    below = PAGE.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    cells = [
        [cell.strip() for cell in line.strip("|").split("|")] for line in below.splitlines() if line.startswith("|")
    ]
    return {row[0]: row[1:] for row in cells[2:]}


def units_of_the_page():
    told = rows("What the code asks of the table")
    return {what: Units(int(written), int(read)) for what, (written, read) in told.items()}


def test_units_are_those_of_the_page(call):
    told = units_of_the_page()
    assert counted(call) == {what: units for what, units in told.items() if "start" not in what}
    assert told["a ping"].written + told["the sweep's part of a slot"].written == 3


def test_units_and_requests_of_a_start_are_those_of_the_pages(call):
    found, (before, after) = counted_starts(call)
    assert found == {what: units for what, units in units_of_the_page().items() if "start" in what}
    assert before == ["GetItem", "GetItem", "PutItem", "UpdateItem"]
    assert after == ["GetItem", "UpdateItem", "PutItem"]
    assert "four requests to the table before the call, three after it" in (DOCS / "triggers.md").read_text()


def of_a_started_run():
    """Units, beyond those of a run that Heartbeat does not start."""
    units = units_of_the_page()
    more = [units[what] for what in ("a start", "the ping of a started run", "the sweep's part of a start")]
    return Units(sum(each.written for each in more) - units["a ping"].written, sum(each.read for each in more))


def test_a_started_run_in_all():
    assert of_a_started_run() == Units(14, 5)
    assert "17 writes and six reads" in PAGE


def price(name):
    return float(re.search(rf"^\| {re.escape(name)} \| ([0-9.]+) ", PAGE, re.MULTILINE)[1])


def monthly(fleet, *, free):
    """Dollars a month: (Lambda, DynamoDB, CloudWatch)."""
    runs, cold, busy = FLEETS[fleet]
    units = units_of_the_page()
    seconds = runs * PING_WARM + cold * PING_COLD + MINUTES * SWEEP_IDLE + busy
    calls = runs + MINUTES
    compute = max(0, seconds * MEMORY_GB - (400_000 if free else 0)) * price("Lambda, a GB-second on arm64")
    requests = max(0, calls - (MILLION if free else 0)) / MILLION * price("Lambda, a million requests")
    slot = Units(
        units["a ping"].written + units["the sweep's part of a slot"].written, units["the sweep's part of a slot"].read
    )
    minute = units["an idle minute"]
    written = runs * slot.written + MINUTES * minute.written
    read = runs * slot.read + cold + MINUTES * minute.read
    stored = runs * HISTORY_MONTHS * HISTORY_BYTES / 1e9
    table = written / MILLION * price("DynamoDB, a million write units") + read / MILLION * price(
        "DynamoDB, a million read units"
    )
    kept = max(0, stored - (25 if free else 0)) * price("DynamoDB, a GB-month") + stored * price(
        "DynamoDB, a GB-month of recovery"
    )
    logged = (calls * LOG_BYTES_A_CALL + MINUTES * LOG_BYTES_A_SWEEP) / 1e9
    logs = max(0, logged - (5 if free else 0)) * price("CloudWatch, a GB of logs")
    watch = max(0, ALARMS - (10 if free else 0)) * price("CloudWatch, an alarm") + (0 if free else 8) * price(
        "CloudWatch, a metric"
    )
    return compute + requests, table + kept, logs + watch


@pytest.mark.parametrize("fleet", FLEETS)
@pytest.mark.parametrize(("free", "heading"), [(True, "A month, with the free tier"), (False, "A month, without it")])
def test_dollars_are_those_of_the_page(fleet, free, heading):
    parts = monthly(fleet, free=free)
    shown = [float(cell) for cell in rows(heading)[fleet]]
    assert shown == [round(part, 2) for part in (*parts, sum(parts))]


def test_the_stack_beside_hosted_services_costs_what_it_costs_above():
    ours = rows("Beside hosted services")["this stack, with the free tier, the fleets above"]
    assert ours[:3] == [rows("A month, with the free tier")[fleet][-1] for fleet in FLEETS]


def test_the_page_says_how_many_alarms_there_are():
    assert f"{ALARMS} alarms" in PAGE


def added(fleet):
    """Dollars a month when Heartbeat starts the jobs, without the free tier: (EventBridge, Lambda, DynamoDB)."""
    runs, cold, more = FLEETS[fleet][0], STARTS_COLD[fleet], of_a_started_run()
    seconds = runs * START_WARM + cold * (START_COLD - START_WARM)
    compute = seconds * MEMORY_GB * price("Lambda, a GB-second on arm64")
    requests = runs / MILLION * price("Lambda, a million requests")
    written = runs * more.written / MILLION * price("DynamoDB, a million write units")
    read = runs * more.read / MILLION * price("DynamoDB, a million read units")
    return runs / MILLION * price("EventBridge Scheduler, a million calls"), compute + requests, written + read


@pytest.mark.parametrize("fleet", FLEETS)
def test_what_starting_adds_is_that_of_the_page(fleet):
    parts = added(fleet)
    shown = [float(cell) for cell in rows("A month more, when Heartbeat starts them")[fleet]]
    assert shown == [round(part, 2) for part in (*parts, sum(parts))]


def test_what_waiting_for_a_run_costs():
    dollars = 600 * MEMORY_GB * price("Lambda, a GB-second on arm64")
    assert f"ten minutes costs {dollars:.4f}" in PAGE


def test_the_lag_on_the_page_is_what_was_measured_last():
    measured = json.loads((DOCS.parent / "bench" / "results.json").read_text())["results"]
    page = (DOCS / "triggers.md").read_text()
    shown = re.findall(r"^\| (\d+) \| ([0-9.]+) \| ([0-9.]+) \|$", page, re.MULTILINE)
    assert [(f"lag of a start, {jobs} at once", float(half), float(most)) for jobs, half, most in shown] == [
        (row["name"], row["p50_ms"], row["p99_ms"]) for row in measured["lag"]
    ]
    (cold,) = [row for row in measured["lambdas"] if row.get("function") == "trigger"]
    assert f"| {cold['answer_ms'] / 1000:.1f} s |" in page
