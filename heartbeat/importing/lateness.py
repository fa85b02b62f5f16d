"""How late systemd itself may start a unit, and what else in a timer moves its runs. From systemd.timer(5)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from heartbeat.config.doubts import gap_ms
from heartbeat.importing.crontab import GRACE
from heartbeat.importing.unit import TRUE, timespan
from heartbeat.model import MINUTE

if TYPE_CHECKING:
    from heartbeat.importing.unit import Unit
    from heartbeat.schedule import Schedule

INTERVALS = ("OnUnitActiveSec", "OnUnitInactiveSec")
FROM_A_START = ("OnBootSec", "OnStartupSec", "OnActiveSec")
FROM_A_CHANGE = ("OnClockChange", "OnTimezoneChange")
DELAYS = ("RandomizedDelaySec", "RandomizedOffsetSec", "AccuracySec")
_KNOWN = frozenset(
    (
        *("OnCalendar", "Unit", "Persistent", "WakeSystem", "RemainAfterElapse", "FixedRandomDelay"),
        *("DeferReactivation", *INTERVALS, *FROM_A_START, *FROM_A_CHANGE, *DELAYS),
    )
)
_ROOMY = 5 * MINUTE
"""A grace of this length has room for systemd's usual minute already."""
_SKIPS = ("ExecCondition",)


def grace_of(unit: Unit, schedule: Schedule) -> int | None:
    """Our grace with all the lateness that systemd allows itself; None for the default."""
    gap = gap_ms(schedule)
    usual = GRACE if gap is None else min(gap, GRACE)
    accuracy = timespan(unit.last("Timer", "AccuracySec"))
    late = MINUTE if accuracy is None else accuracy
    if usual >= _ROOMY:
        late = max(late - MINUTE, 0)
    late += sum(timespan(unit.last("Timer", key)) or 0 for key in DELAYS[:2])
    grace = usual + -(-late // 1000) * 1000
    return None if grace == GRACE else grace


def remarks_on(unit: Unit, service: Unit) -> list[str]:
    """What people should know about the timer's runs."""
    said = [f"grace holds {key} too" for key in DELAYS[:2] if timespan(unit.last("Timer", key))]
    said += [
        f"{key}={unit.last('Timer', key)} cannot be read as a length of time: grace does not hold it"
        for key in DELAYS
        if unit.last("Timer", key) and timespan(unit.last("Timer", key)) is None
    ]
    if _is_on(unit, "Persistent"):
        said.append(
            "Persistent: a run missed while the machine was off is made up for when it starts, and counts as late"
        )
    if _is_on(unit, "DeferReactivation"):
        said.append("DeferReactivation: a run that lasts beyond the next time takes that time's place, which is missed")
    starts = [key for key in (*FROM_A_START, *FROM_A_CHANGE) if unit.all("Timer", key)]
    if starts:
        said.append(f"{', '.join(starts)}: a run after that is not expected, but welcome")
    said += [
        f"{key}= is no setting of [Timer] that is known here: see whether it moves the runs"
        for key in unit.keys("Timer")
        if key not in _KNOWN and not key.startswith("X-") and unit.all("Timer", key)
    ]
    return said + _conditions(service)


def _is_on(unit: Unit, key: str) -> bool:
    return unit.last("Timer", key).lower() in TRUE


def _conditions(service: Unit) -> list[str]:
    found = [key for key in service.keys("Unit") if key.startswith("Condition") and service.all("Unit", key)]
    found += [key for key in _SKIPS if service.all("Service", key)]
    return [f"{key}: a run that it skips is not heard of, and counts as missed" for key in dict.fromkeys(found)]
