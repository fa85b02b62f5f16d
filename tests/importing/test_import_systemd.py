"""systemd's timers: what each setting becomes, and what is made for the service."""

import pytest
from story_world import World

from heartbeat.config import read
from heartbeat.importing.page import jobs_yaml
from heartbeat.importing.timers import Manager, Timer, read_timers
from heartbeat.importing.unit import Unit, timespan

SERVICE = "[Unit]\nDescription=Nightly backup\n[Service]\nType=oneshot\nExecStart=/opt/backup --all\n"
MANAGER = Manager(zone="Europe/Berlin", found="/usr/bin/heartbeat")
PLACE = "/etc/systemd/system/backup.service.d/heartbeat.conf"


def imported(settings, service=SERVICE, name="backup.timer", manager=MANAGER):
    timer = Timer(name=name, text=f"[Timer]\n{settings}\n", service=service)
    return read_timers([timer], manager)


def job(settings, **more):
    """The job as `apply` would have it."""
    found, _ = imported(settings, **more)
    page = jobs_yaml(found, source="timers", zone="Europe/Berlin", zone_from="a test")
    (only,) = read(page).jobs
    return only


def refused(settings, **more):
    found, files = imported(settings, **more)
    assert (found.jobs, files) == ((), {})
    (only,) = found.listed
    return only.text


@pytest.mark.parametrize(
    ("settings", "schedule"),
    [
        ("OnCalendar=daily", ("daily",)),
        ("OnCalendar=Mon..Fri  *-*-* 09:00", ("Mon..Fri *-*-* 09:00",)),
        ("OnCalendar=*:0/15", ("*:0/15",)),
        ("OnCalendar=*-*-* 09:00 Asia/Tokyo", ("*-*-* 09:00 Asia/Tokyo",)),
        ("OnCalendar=*-*-01 03:00\nOnCalendar=Sun 04:00", ("*-*-01 03:00", "Sun 04:00")),
        ("OnCalendar=hourly\nOnCalendar=\nOnCalendar=weekly", ("weekly",)),
        ("OnUnitActiveSec=1h 30min", ("every 1h30m",)),
        ("OnUnitInactiveSec=90", ("every 1m30s",)),
        ("OnBootSec=5min\nOnUnitActiveSec=1d", ("every 1d",)),
        ("OnUnitActiveSec=2h\nOnUnitInactiveSec=1h", ("every 1h",)),
        ("# OnCalendar=hourly\nOnCal\\\nendar=daily\nOnCalendar=Sat \\\n; a comment\n 10:00", ("Sat 10:00",)),
    ],
)
def test_schedules(settings, schedule):
    assert job(settings).schedule == schedule


@pytest.mark.parametrize(
    ("settings", "grace"),
    [
        ("OnCalendar=daily", 600_000),
        ("OnCalendar=daily\nRandomizedDelaySec=1h", 4_200_000),
        ("OnCalendar=daily\nAccuracySec=1min", 600_000),
        ("OnCalendar=daily\nAccuracySec=11min\nRandomizedDelaySec=30", 1_230_000),
        ("OnCalendar=*:0/5", 300_000),
        ("OnUnitActiveSec=1min", 120_000),
        ("OnUnitActiveSec=1min\nAccuracySec=1us", 60_000),
        ("OnUnitActiveSec=1min\nRandomizedDelaySec=5", 125_000),
        ("OnUnitActiveSec=1min\nRandomizedDelaySec=5\nRandomizedOffsetSec=20", 145_000),
        ("OnCalendar=minutely\nAccuracySec=1s", 61_000),
    ],
)
def test_grace_is_how_late_the_timer_may_be(settings, grace):
    assert job(settings).grace == grace


def test_the_dialect_is_written_only_where_the_form_does_not_show_it():
    assert {job(f"OnCalendar={text}").dialect for text in ("daily", "*:0/15", "Mon *-*-* 09:00 UTC")} == {None}


def half_an_hour(grace):
    """What is told when each run is a minute late, as AccuracySec allows by default, and takes a second."""
    world = World("every 60s", grace=grace, at="08:00")
    for seconds in range(121, 1800, 121):
        at = f"08:{seconds // 60:02}:{seconds % 60:02}"
        world.sweep(at)
        world.ping(at)
    return world.told()


def test_on_unit_active_sec_1min_with_systemds_usual_accuracy_is_never_down():
    assert job("OnUnitActiveSec=1min").grace == 120_000
    assert half_an_hour("2m") == []
    assert len(half_an_hour("1m")) > 20  # as it was: down and up, again and again


@pytest.mark.parametrize(
    ("settings", "remark"),
    [
        ("OnCalender=daily", "OnCalender= is no setting of [Timer] that is known here"),
        ("RandomizedDelaySec=5min", "grace holds RandomizedDelaySec too"),
        ("RandomizedOffsetSec=5min", "grace holds RandomizedOffsetSec too"),
        ("AccuracySec=soon", "AccuracySec=soon cannot be read"),
        ("DeferReactivation=yes", "DeferReactivation: a run that lasts"),
    ],
)
def test_a_key_that_moves_the_runs_or_is_not_understood_is_remarked(settings, remark):
    found, _ = imported(f"OnCalendar=hourly\n{settings}")
    assert any(text.startswith(remark) for text in found.jobs[0].remarks)
    assert any(each.text.startswith(remark) for each in found.remarks)  # on the terminal too


def test_keys_that_move_no_run_are_not_remarked():
    found, _ = imported("OnCalendar=hourly\nWakeSystem=no\nRemainAfterElapse=no\nAccuracySec=1s\nX-Note=a")
    assert found.jobs[0].remarks == ()


def test_a_condition_of_the_service_is_remarked():
    found, _ = imported("OnCalendar=hourly", "[Unit]\nConditionACPower=true\n[Service]\nExecStart=/opt/b\n")
    assert found.jobs[0].remarks == ("ConditionACPower: a run that it skips is not heard of, and counts as missed",)


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ("OnBootSec=5min", "OnBootSec"),
        ("OnClockChange=yes", "OnClockChange"),
        ("Persistent=true", "names no time"),
        ("OnCalendar=daily\nOnUnitActiveSec=1h", "cannot be joined"),
        ("OnCalendar=*-*-* 09:00:00.5", "00.5"),
        ("OnCalendar=daily\nOnCalendar=nonsense", "nonsense"),
        ("OnUnitActiveSec=infinity", "infinity"),
        ("OnUnitActiveSec=1500ms", "whole seconds"),
        ("OnCalendar=daily\nUnit=other.target", "other.target"),
    ],
)
def test_what_is_listed_with_its_reason(settings, why):
    assert why in refused(settings)


def test_a_template_and_what_is_no_timer_are_listed():
    assert "backup@main.timer" in refused("OnCalendar=daily", name="backup@.timer")
    found, _ = read_timers([Timer(name="x.timer", text="nothing", service=None)], MANAGER)
    assert [each.text for each in found.listed] == ["it has no section [Timer]"]


def test_the_name_and_the_description():
    assert (job("OnCalendar=daily").slug, job("OnCalendar=daily").description) == ("backup", "Nightly backup")
    assert job("OnCalendar=daily", name="Backup@Main db.timer").slug == "backup-main-db"


def test_the_service_is_wrapped():
    _, files = imported("OnCalendar=daily")
    assert files == {
        PLACE: "[Service]\n# HEARTBEAT_URL=… and HEARTBEAT_PING_KEY=… stand there\n"
        "EnvironmentFile=-/etc/heartbeat/env\nExecStart=\n"
        "ExecStart=heartbeat exec backup -- /opt/backup --all\n"
    }


def test_a_heartbeat_that_systemd_would_not_find_has_its_path():
    _, files = imported("OnCalendar=daily", manager=Manager(zone="UTC", found="/opt/venv/bin/heartbeat"))
    assert "\nExecStart=/opt/venv/bin/heartbeat exec backup -- /opt/backup --all\n" in files[PLACE]


@pytest.mark.parametrize(
    ("exec_start", "wrapped"),
    [
        ("+/opt/b a", "+heartbeat exec backup -- /opt/b a"),
        ("!!/opt/b", "!!heartbeat exec backup -- /opt/b"),
        (":/opt/b $X", ":heartbeat exec backup -- /opt/b $X"),
        ("/bin/sh -c 'a; b' \\\n  c", "heartbeat exec backup -- /bin/sh -c 'a; b'    c"),
    ],
)
def test_what_stands_before_the_command_stays_before_it(exec_start, wrapped):
    _, files = imported("OnCalendar=daily", f"[Service]\nExecStart={exec_start}\n")
    assert files[PLACE].splitlines()[-1] == f"ExecStart={wrapped}"


@pytest.mark.parametrize(
    "settings",
    [
        "Type=forking\nExecStart=/opt/b",
        "Type=notify\nExecStart=/opt/b",
        "Type=oneshot\nExecStart=/opt/a\nExecStart=/opt/b",
        "ExecStart=/opt/a ; /opt/b",
        "ExecStart=-/opt/b",
        "ExecStart=@/opt/b name",
        "ExecStart=/opt/b\nPrivateNetwork=yes",
        "ExecStart=/opt/b\nSuccessExitStatus=3",
        "ExecStop=/opt/b",
    ],
)
def test_a_service_that_cannot_be_wrapped_is_watched_from_beside(settings):
    found, files = imported("OnCalendar=daily", f"[Service]\n{settings}\n")
    assert files[PLACE] == (
        "[Unit]\nOnSuccess=heartbeat-success@backup.service\nOnFailure=heartbeat-failure@backup.service\n"
    )
    ends = {path.rpartition("/")[2]: text.splitlines()[-1] for path, text in files.items() if path != PLACE}
    assert ends == {
        "heartbeat-success@.service": "ExecStart=heartbeat ping %i",
        "heartbeat-failure@.service": "ExecStart=heartbeat ping %i --fail",
    }
    assert len(found.remarks) == 1


def test_a_service_that_tells_already_stays_as_it_is():
    found, files = imported("OnCalendar=daily", "[Service]\nExecStart=/usr/bin/heartbeat exec settle -- /opt/b\n")
    assert (found.jobs[0].slug, files) == ("settle", {})


@pytest.mark.parametrize(
    ("text", "ms"),
    [
        ("90", 90_000),
        ("5min", 300_000),
        ("1h 30min", 5_400_000),
        ("1.5h", 5_400_000),
        ("2 weeks", 1_209_600_000),
        ("500ms", 500),
        ("1us", 0),
        ("1d12h", 129_600_000),
        ("infinity", None),
        ("", None),
        ("soon", None),
    ],
)
def test_lengths_of_time(text, ms):
    assert timespan(text) == ms


def test_an_empty_value_takes_away_those_before():
    unit = Unit("[A]\nk=1\nk=2\nk=\nk=3\n[B]\nk=4\n")
    assert (unit.all("A", "k"), unit.last("B", "k"), unit.last("B", "none")) == (["3"], "4", "")
