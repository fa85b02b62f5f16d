"""What happens to a running server when somebody breaks, empties, deletes or slowly writes its jobs file."""

import io

import pytest

from heartbeat.doors.server.jobs_file import RETRY, SETTLED, STILL, JobsFile
from heartbeat.errors import BadConfig, BadSetting
from heartbeat.model import NEVER
from heartbeat.store.sqlite.store import SQLiteStore
from heartbeat.telemetry import Log
from heartbeat.verbs.agreed import Consent, apply_agreed
from heartbeat.verbs.illness import illnesses

T0 = 1_795_350_000_000
HEAD = "defaults: {timezone: UTC, notify: [ops]}\nchannels: {ops: {console: {}}}\n"


def text(*slugs, head=HEAD):
    lines = "".join(f"  {slug}: {{schedule: 0 9 * * *}}\n" for slug in slugs)
    return head + (f"jobs:\n{lines}" if lines else "jobs: {}\n")


class Desk:
    """One database, the server on it, and the person who edits the file. Times are milliseconds after T0."""

    def __init__(self, folder):
        self.path, self.store, self.stream = folder / "jobs.yaml", SQLiteStore(":memory:"), io.StringIO()
        self.now = T0

    def serve(self, *, named=True):
        self.file = JobsFile(self.path if named else None, self.store, Log(lambda: 1.0, stream=self.stream))
        self.file.begin(self.now)

    def write(self, what):
        self.path.write_text(what)

    def wait(self, milliseconds):
        """The server looks every half a second."""
        end = self.now + milliseconds
        while self.now < end:
            self.now += 500
            self.file.refresh(self.now)

    @property
    def jobs(self):
        return self.store.names("", 100)

    @property
    def told(self):
        return [(row.alert.event, row.channel) for row in self.store.outbox(NEVER - 1, 100)]

    @property
    def ill(self):
        return [each.text for each in illnesses(self.store) if each.name == "jobs-file"]


@pytest.fixture
def desk(tmp_path):
    made = Desk(tmp_path)
    made.write(text("a", "b", "c"))
    made.serve()
    assert made.jobs == ["a", "b", "c"]
    return made


def test_rm_jobs_yaml_under_a_running_server(desk):
    desk.path.unlink()
    desk.wait(SETTLED)
    assert desk.ill == []  # an editor that writes anew takes it away, too
    desk.wait(60_000)
    assert desk.ill == ["the jobs file jobs.yaml is gone; the definitions before it stay in force"]
    assert desk.told == [("ill", "ops")]
    assert desk.stream.getvalue().count("is gone") == 1
    assert (desk.jobs, list(desk.file.channels)) == (["a", "b", "c"], ["ops"])
    desk.write(text("a", "b", "c"))
    desk.wait(2 * STILL)
    assert (desk.ill, desk.told) == ([], [("ill", "ops"), ("well", "ops")])


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        ("jobs: {a: {schedule: nonsense}}\n", "mistake at line 1, column 22;"),
        ("jobs:\n  a: {grace: 10}\n  b: {}\n", "mistake at line 2, column 6 and 2 more;"),
        ("", "the file is empty"),
        ("channels: {ops: {slack: 'hunter2'}}\njobs: {}\n", "mistake at line 1, column 25;"),
    ],
)
def test_a_mistake_saved_under_a_running_server(desk, broken, said):
    desk.write(broken)
    desk.wait(60_000)
    (ill,) = desk.ill
    assert said in ill
    assert "the definitions before it stay in force" in ill
    assert "hunter2" not in ill  # strangers can read /healthz
    assert desk.told == [("ill", "ops")]
    assert desk.jobs == ["a", "b", "c"]
    desk.write(text("a", "b", "c", "d"))
    desk.wait(3 * STILL)
    assert (desk.ill, desk.jobs) == ([], ["a", "b", "c", "d"])


def test_a_folder_where_the_file_was(desk):
    desk.path.unlink()
    desk.path.mkdir()
    desk.wait(60_000)
    assert "jobs.yaml cannot be used: the folder holds no *.yaml; the definitions" in desk.ill[0]


def test_another_mistake_is_logged_and_not_told_again(desk):
    desk.write("jobs: {a: {schedule: nonsense}}\n")
    desk.wait(30_000)
    desk.write("jobs:\n\n  a: {schedule: rubbish}\n")
    desk.wait(90_000)
    assert "line 3" in desk.ill[0]
    assert desk.told == [("ill", "ops")]
    assert ("nonsense" in desk.stream.getvalue(), "rubbish" in desk.stream.getvalue()) == (True, True)


def test_chmod_000_is_noticed_though_the_content_stays(desk, monkeypatch):
    desk.wait(STILL)
    monkeypatch.setattr("heartbeat.doors.server.jobs_file.read_file", _not_permitted)  # root may read everything
    desk.path.chmod(0)
    desk.wait(60_000)
    assert "Permission denied" in desk.ill[0]


def _not_permitted(path, _now):
    raise BadConfig((f"{path}:1:1: the file cannot be read: Permission denied",))


def test_a_file_written_slowly_in_place_removes_nothing_meanwhile(desk):
    lines = text("a", "b", "c", "d").splitlines(keepends=True)
    for count in range(len(lines) + 1):
        desk.write("".join(lines[:count]))
        desk.wait(2_500)  # a slow line: each piece is still for longer than it takes to read it
        assert set(desk.jobs) >= {"a", "b", "c"}
        assert desk.told == []
    desk.wait(3 * STILL)
    assert desk.jobs == ["a", "b", "c", "d"]


def test_an_added_job_is_there_soon_and_a_removed_one_goes_a_little_later(desk):
    desk.write(text("a", "b", "c", "d"))
    desk.wait(STILL + 1_000)
    assert desk.jobs == ["a", "b", "c", "d"]
    desk.write(text("a", "b", "c", "e"))
    desk.wait(STILL + 1_000)
    assert desk.jobs == ["a", "b", "c", "d"]
    desk.wait(SETTLED)
    assert desk.jobs == ["a", "b", "c", "e"]


def test_a_file_that_is_written_all_the_time_is_not_read(desk):
    for count in range(20):
        desk.write(text("a", "b", "c", "d") + "#" * count)
        desk.wait(500)
    assert desk.jobs == ["a", "b", "c"]


def test_jobs_nothing_saved_under_a_running_server_until_somebody_agrees(desk):
    desk.write(text())
    desk.wait(60_000)
    assert desk.jobs == ["a", "b", "c"]
    assert "it would remove all 3 jobs of jobs.yaml; if that is meant: `heartbeat apply jobs.yaml" in desk.ill[0]
    assert desk.told == [("ill", "ops")]
    from heartbeat.config import read_file  # noqa: PLC0415 - what `heartbeat apply --allow-removals` does

    apply_agreed(desk.store, read_file(desk.path), desk.now, Consent(removals=True))
    assert desk.jobs == []
    desk.wait(RETRY + 1_000)
    assert (desk.ill, desk.told[-1]) == ([], ("well", "ops"))


def test_a_restart_with_a_mistake_in_the_file_goes_on_with_what_it_said_before(desk):
    desk.write("jobs: {a: {schedule: nonsense}}\n")
    desk.serve()
    assert (list(desk.file.channels), desk.file.service, desk.jobs) == (["ops"], ("ops",), ["a", "b", "c"])
    assert desk.told == [("ill", "ops")]
    assert "nonsense" in desk.stream.getvalue()
    desk.write(text("a", "b", "c"))
    desk.wait(3 * STILL)
    assert desk.told == [("ill", "ops"), ("well", "ops")]


@pytest.mark.parametrize("named", [True, False])
def test_a_restart_without_the_file(desk, named):
    desk.path.unlink()
    desk.serve(named=named)  # without an option, the jobs.yaml of the folder is looked for, and is not there
    assert list(desk.file.channels) == ["ops"]
    assert "jobs.yaml" in desk.ill[0]
    desk.write(text("a", "b", "c", "d"))
    desk.wait(3 * STILL)
    assert (desk.jobs, desk.ill) == (["a", "b", "c", "d"], [])


def test_a_restart_without_a_secret(tmp_path, monkeypatch):
    desk = Desk(tmp_path)
    head = (
        HEAD.replace("{console: {}}}", "{webhook: '${env:HOOK}'}, pager: {console: {}}}")
        + "service: {notify: [pager]}\n"
    )
    desk.write(text("a", head=head))
    with pytest.raises(BadSetting):
        desk.serve()  # it never ran: nobody relies on it yet
    monkeypatch.setenv("HOOK", "https://hook.example/")
    desk.serve()
    monkeypatch.delenv("HOOK")
    desk.serve()
    assert list(desk.file.channels) == ["ops", "pager"]
    assert ("HOOK" in desk.ill[0], desk.told) == (True, [("ill", "pager")])
    monkeypatch.setenv("HOOK", "https://hook.example/")
    desk.wait(RETRY + 1_000)
    assert desk.ill == []


def test_the_first_start_with_a_mistake_ends_with_it(tmp_path):
    desk = Desk(tmp_path)
    desk.write("jobs: {a: {schedule: nonsense}}\n")
    with pytest.raises(BadConfig):
        desk.serve()


class TestFolder:
    """`serve --config conf.d`: what people do to the files in it."""

    @pytest.fixture
    def desk(self, tmp_path):
        made = Desk(tmp_path)
        made.path = tmp_path / "conf"
        made.path.mkdir()
        (made.path / "one.yaml").write_text("include: more/*.yaml\n" + text("a"))
        (made.path / "two.yaml").write_text(text("b", head="defaults: {timezone: UTC, notify: [ops]}\n"))
        (made.path / "more").mkdir()
        (made.path / "more" / "x.yaml").write_text(text("x", head="defaults: {timezone: UTC}\n"))
        made.serve()
        assert made.jobs == ["a", "b", "x"]
        return made

    def test_a_new_file_and_a_new_included_one_are_read(self, desk):
        (desk.path / "three.yaml").write_text(text("c", head="defaults: {timezone: UTC}\n"))
        (desk.path / "more" / "y.yaml").write_text(text("y", head="defaults: {timezone: UTC}\n"))
        desk.wait(STILL + 1_000)
        assert desk.jobs == ["a", "b", "c", "x", "y"]

    def test_an_edited_included_file_is_read(self, desk):
        (desk.path / "more" / "x.yaml").write_text(text("x", "z", head="defaults: {timezone: UTC}\n"))
        desk.wait(STILL + 1_000)
        assert desk.jobs == ["a", "b", "x", "z"]

    def test_a_mistake_in_one_file_leaves_all_as_they_were(self, desk):
        (desk.path / "two.yaml").write_text("jobs: {b: {schedule: nonsense}}\n")
        desk.wait(60_000)
        assert "mistake at line 1, column 22" in desk.ill[0]
        assert (desk.jobs, desk.told) == (["a", "b", "x"], [("ill", "ops")])

    def test_a_file_taken_out_waits_for_a_word(self, desk):
        (desk.path / "two.yaml").unlink()
        desk.wait(60_000)
        assert "remove the only job of two.yaml" in desk.ill[0]
        assert desk.jobs == ["a", "b", "x"]

    def test_the_folder_is_gone(self, desk):
        desk.path.rename(desk.path.parent / "gone")
        desk.wait(60_000)
        assert desk.ill == ["the jobs file conf is gone; the definitions before it stay in force"]


def test_a_restart_while_the_file_is_being_written_removes_nothing(desk):
    desk.write(text("a", "b"))
    desk.serve()
    assert (desk.jobs, list(desk.file.channels)) == (["a", "b", "c"], ["ops"])
    desk.wait(2_000)
    desk.write(text("a", "b", "c"))
    desk.wait(60_000)
    assert (desk.jobs, desk.told) == (["a", "b", "c"], [])


def test_a_restart_with_a_job_less_removes_it_a_little_later(desk):
    desk.write(text("a", "b"))
    desk.serve()
    desk.wait(SETTLED + 1_000)
    assert desk.jobs == ["a", "b"]
