"""A jobs file that empties, shrinks or belongs to others: what a person typed, and what `plan` and `apply` said."""

import re

import pytest

HEAD = "defaults: {timezone: UTC, notify: [o]}\nchannels: {o: {console: {}}}\n"


def file(*slugs, name="", minute=0, confirm=""):
    lines = "".join(f"  {slug}: {{schedule: {minute} * * * *, grace: 10m}}\n" for slug in slugs)
    top = (f"name: {name}\n" if name else "") + (f'confirm: "{confirm}"\n' if confirm else "")
    return top + HEAD + (f"jobs:\n{lines}" if lines else "jobs: {}\n")


def many(count):
    return [f"job-{n:02}" for n in range(count)]


def names(machine):
    with machine.store as store:
        return store.names("", 100)


@pytest.fixture
def fourteen(machine):
    machine.write(file(*many(14)))
    assert machine.run("apply", when="2026-11-20T00:00")[0] == 0
    return machine


@pytest.mark.parametrize("rest", [0, 6])
def test_apply_of_a_file_that_was_emptied_or_cut_off(fourteen, rest):
    fourteen.write(file(*many(rest)))
    status, out, err = fourteen.run("apply")
    assert (status, out) == (2, "")
    said = "all 14 jobs" if not rest else "8 of the 14 jobs"
    assert f"jobs.yaml is not applied: it would remove {said} of jobs.yaml (job-" in err
    assert "`heartbeat apply jobs.yaml --allow-removals`" in err
    assert names(fourteen) == many(14)
    assert fourteen.run("apply", "--allow-removals")[0] == 0
    assert names(fourteen) == many(rest)


def test_apply_of_jobs_nothing_with_a_single_job_there(machine):
    machine.write(file("only"))
    machine.run("apply", when="2026-11-20T00:00")
    machine.write(file())
    assert machine.run("apply")[0] == 2
    assert names(machine) == ["only"]


@pytest.mark.parametrize(("before", "after"), [(6, 1), (14, 8), (12, 6)])
def test_apply_of_an_edit_that_removes_a_few_or_half_needs_no_word(machine, before, after):
    machine.write(file(*many(before)))
    machine.run("apply", when="2026-11-20T00:00")
    machine.write(file(*many(after)))
    assert machine.run("apply")[0] == 0
    assert names(machine) == many(after)


def test_the_digest_that_the_refusal_names_confirms_this_content_alone(fourteen):
    fourteen.write(file(*many(3)))
    confirm = re.search(r'confirm: "(\w+)"', fourteen.run("apply")[2])[1]
    fourteen.write(file(*many(2), confirm=confirm))
    assert fourteen.run("apply")[0] == 2
    fourteen.write(file(*many(3), confirm=confirm))
    assert fourteen.run("apply")[0] == 0
    assert names(fourteen) == many(3)


def test_plan_says_what_apply_would_refuse(fourteen):
    fourteen.write(file(*many(2)))
    status, out, _ = fourteen.run("plan")
    assert status == 0
    assert "12 to remove, 2 unchanged" in out
    assert "would remove 12 of the 14 jobs" in out
    assert len(fourteen.json("plan")["refused"]) == 1


def test_two_projects_each_with_a_jobs_yaml_and_one_database(machine):
    for project, slug in (("shop", "orders"), ("blog", "digest")):
        (machine.folder / project).mkdir()
        machine.write(file(slug, f"{slug}-2"), f"{project}/jobs.yaml")
    assert machine.run("apply", "shop/jobs.yaml", when="2026-11-20T00:00")[0] == 0
    status, _, err = machine.run("apply", "blog/jobs.yaml")
    assert status == 2
    assert f"moved ({machine.folder / 'shop/jobs.yaml'}: orders, orders-2); if that is meant" in err
    assert "give this one a `name:`" in err
    machine.write(file("digest", name="blog"), "blog/jobs.yaml")
    assert machine.run("apply", "blog/jobs.yaml")[0] == 0
    assert names(machine) == ["digest", "orders", "orders-2"]


def test_a_file_without_a_name_that_was_moved(machine):
    machine.write(file("a", "b"))
    machine.run("apply", when="2026-11-20T00:00")
    (machine.folder / "new").mkdir()
    (machine.folder / "jobs.yaml").rename(machine.folder / "new/jobs.yaml")
    assert machine.run("apply", "new/jobs.yaml")[0] == 0  # it changes nothing
    machine.write(file("a", "b", "c"), "new/jobs.yaml")
    assert machine.run("apply", "new/jobs.yaml")[0] == 0
    machine.write(file("a"), "new/jobs.yaml")
    assert machine.run("apply", "new/jobs.yaml")[0] == 0, "it lies there now"


def test_a_file_without_a_name_that_was_moved_and_edited_is_adopted(machine):
    machine.write(file("a", "b"))
    machine.run("apply", when="2026-11-20T00:00")
    (machine.folder / "new").mkdir()
    machine.write(file("a", minute=5), "new/jobs.yaml")
    assert machine.run("apply", "new/jobs.yaml")[0] == 2
    assert machine.run("apply", "new/jobs.yaml", "--adopt")[0] == 0
    assert names(machine) == ["a"]
    machine.write(file("a", "b"))
    assert machine.run("apply", "jobs.yaml")[0] == 2


def test_two_named_files_do_not_take_a_shared_job_back_and_forth(machine):
    machine.write(file("shared", "a", name="one"), "one.yaml")
    machine.write(file("shared", "b", name="two", minute=5), "two.yaml")
    machine.run("apply", "one.yaml", when="2026-11-20T00:00")
    status, _, err = machine.run("apply", "two.yaml")
    assert status == 2
    assert "would take over 1 job of one (shared)" in err
    assert names(machine) == ["a", "shared"]
    assert machine.run("apply", "two.yaml", "--adopt")[0] == 0
    assert machine.run("apply", "two.yaml")[0] == 0
    assert machine.run("apply", "one.yaml")[0] == 2


def test_a_job_that_a_ping_made_needs_no_word(machine):
    from heartbeat.core.definition import by_ping, founding  # noqa: PLC0415 - this test alone

    with machine.store as store:
        store.commit([founding(by_ping("a"), 1)])
    machine.write(file("a"))
    assert machine.run("apply", when="2026-11-20T00:00")[0] == 0


@pytest.mark.parametrize("what", ["changes", "none", "broken", "missing", "no database"])
def test_plan_exit_code_as_terraform_has_it(machine, what):
    if what != "no database":
        machine.run("apply", when="2026-11-20T00:00")
    if what == "changes":
        machine.write(file("a"))
    if what == "broken":
        machine.write("jobs: {a: {schedule: nonsense}}\n")
    if what == "missing":
        (machine.folder / "jobs.yaml").unlink()
    status, _, err = machine.run("plan", "--exit-code")
    assert status == {"changes": 2, "none": 0, "broken": 1, "missing": 1, "no database": 2}[what]
    assert bool(err) == (status == 1)


def test_plan_as_a_comment(machine):
    machine.run("apply", when="2026-11-20T00:00")
    text = (machine.folder / "jobs.yaml").read_text()
    machine.write(text.replace("max_runtime: 1h", "max_runtime: 2h").replace("  worker: ", "  walker: "))
    assert machine.run("plan", "--format", "markdown")[1] == (
        "**heartbeat plan**: 1 to add, 1 to change, 1 to remove, 1 unchanged\n\n"
        "<details open><summary>What would change</summary>\n\n"
        "```diff\n"
        "+ walker: every 3d (Asia/Tokyo), grace 5m, tells screen\n"
        "! daily-report\n"
        "    max_runtime: 1h → 2h\n"
        "- worker\n"
        "```\n\n"
        "</details>\n"
    )
    machine.write(text)
    assert machine.run("plan", "--format", "markdown")[1] == "**heartbeat plan**: nothing to do, 3 unchanged\n"


def test_a_description_ends_no_block_of_a_comment(machine):
    machine.run("apply", when="2026-11-20T00:00")
    text = (machine.folder / "jobs.yaml").read_text()
    machine.write(text.replace("日次レポート", '"``` @everyone"'))
    assert "````diff\n! daily-report\n" in machine.run("plan", "--format", "markdown")[1]
    machine.write(text.replace("日次レポート", f'"{"x" * 1000}"').replace("  worker: ", "  walker: "))
    assert machine.run("plan", "--format", "markdown")[0] == 0


def test_a_comment_of_a_refused_plan_warns(fourteen):
    fourteen.write(file(*many(2)))
    out = fourteen.run("plan", "--format", "markdown")[1]
    assert "> [!WARNING]\n> jobs.yaml is not applied: it would remove 12 of the 14 jobs" in out


class TestFolder:
    """`--config conf.d`: several teams, one server."""

    @pytest.fixture
    def folder(self, machine):
        (machine.folder / "conf").mkdir()
        machine.write(file("a", "b"), "conf/one.yaml")
        machine.write(
            "jobs: {c: {schedule: every 1h, notify: o}, d: {schedule: every 1h, notify: o}}\n", "conf/two.yaml"
        )
        assert machine.run("apply", "conf", when="2026-11-20T00:00")[0] == 0
        return machine

    def test_plan_status_and_explain_say_whose_a_job_is(self, folder):
        (folder.folder / "heartbeat.db").rename(folder.folder / "other.db")
        out = folder.run("plan", "--config", "conf/one.yaml", "--config", "conf/two.yaml")[1]
        assert ("+ a [one.yaml]: " in out, "+ c [two.yaml]: " in out) == (True, True)
        jobs = folder.json("status", "--db", "other.db")["jobs"]
        assert {each["job"]: each["declared_by"] for each in jobs} == {
            "a": "one.yaml", "b": "one.yaml", "c": "two.yaml", "d": "two.yaml"
        }  # fmt: skip
        assert "declared by   two.yaml" in folder.run("explain", "c", "--db", "other.db")[1]

    def test_a_job_moved_from_file_to_file_is_nobodys_theft(self, folder):
        folder.write(file("a"), "conf/one.yaml")
        folder.write("jobs: {b: {schedule: every 1h, notify: o}, c: {schedule: every 1h, notify: o}, "
                     "d: {schedule: every 1h, notify: o}}\n", "conf/two.yaml")  # fmt: skip
        status, out, _ = folder.run("apply", "conf")
        assert (status, "~ b [two.yaml] (adopted from one.yaml)" in out) == (0, True)

    def test_a_file_taken_out_of_the_folder_takes_its_jobs_with_it_when_that_is_meant(self, folder):
        (folder.folder / "conf" / "two.yaml").unlink()
        status, _, err = folder.run("apply", "conf")
        assert (status, "would remove all 2 jobs of two.yaml (c, d)" in err) == (2, True)
        assert folder.run("apply", "conf", "--allow-removals")[0] == 0
        assert names(folder) == ["a", "b"]
        assert folder.run("apply", "conf")[1] == "nothing to do, 2 unchanged\n"

    def test_one_file_of_the_folder_emptied_is_refused_though_the_others_are_full(self, folder):
        folder.write("jobs: {}\n", "conf/two.yaml")
        assert folder.run("apply", "conf")[0] == 2
        assert names(folder) == ["a", "b", "c", "d"]

    def test_a_file_moved_to_the_folder_of_another_server_is_not_missed_here(self, folder):
        (folder.folder / "elsewhere").mkdir()
        folder.write(file("x"), "elsewhere/x.yaml")
        (folder.folder / "conf" / "two.yaml").rename(folder.folder / "elsewhere" / "two.yaml")
        assert folder.run("apply", "elsewhere")[0] == 0
        assert folder.run("apply", "conf")[1] == "nothing to do, 2 unchanged\n"
        assert names(folder) == ["a", "b", "c", "d", "x"]

    def test_check_names_the_file_of_each_mistake(self, folder):
        folder.write("jobs: {c: {schedule: nonsense}}\n", "conf/two.yaml")
        (error,) = folder.json("check", "conf")["errors"]
        assert (error["file"], error["line"], error["column"]) == ("conf/two.yaml", 1, 22)

    def test_doctor_reads_the_folder(self, folder):
        assert "conf can be used, with 4 jobs" in folder.run("doctor", "--config", "conf")[1]
