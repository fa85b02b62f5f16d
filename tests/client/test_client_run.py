import asyncio
import functools
import sys
import threading
import uuid

import pytest

import heartbeat

RUN = "0b7c9d6e-1111-4222-8333-444444444444"


def test_a_run_that_ends_well(receiver):
    with heartbeat.run("j") as run:
        run.log("halfway")
    start, log, success = receiver.pings
    assert receiver.kinds() == ["start", "log", ""]
    assert log.body == b"halfway"
    assert start.query["rid"] == log.query["rid"] == success.query["rid"] == run.id
    assert str(uuid.UUID(run.id)) == run.id
    assert 0 <= float(success.query["duration"]) < 10
    assert start.query["at"] <= success.query["at"]
    assert "duration" not in start.query


def test_a_run_that_fails_tells_why_and_lets_it_through(receiver):
    with pytest.raises(ValueError, match="no such customer"), heartbeat.run("j"):
        raise ValueError("no such customer")
    assert receiver.kinds() == ["start", "fail"]
    text = receiver.pings[1].body.decode()
    assert text.startswith("Traceback")
    assert text.endswith("ValueError: no such customer\n")
    assert set(receiver.pings[1].query) == {"rid", "duration", "at", "sent"}


@pytest.mark.parametrize(
    ("code", "kind", "body"),
    [
        (None, "", b""),
        (0, "", b""),
        (3, "3", b""),
        (-1, "255", b""),
        (256, "1", b""),
        (True, "1", b""),
        ("no space left", "1", b"no space left"),
    ],
)
def test_sys_exit_tells_its_status(receiver, code, kind, body):
    with pytest.raises(SystemExit), heartbeat.run("j"):
        sys.exit(code)
    assert receiver.kinds() == ["start", kind]
    assert receiver.pings[1].body == body


def test_an_interrupted_run_has_failed(receiver):
    with pytest.raises(KeyboardInterrupt), heartbeat.run("j"):
        raise KeyboardInterrupt
    assert receiver.kinds() == ["start", "fail"]


def test_two_runs_have_two_ids(receiver):
    for _ in range(2):
        with heartbeat.run("j"):
            pass
    assert len({ping.query["rid"] for ping in receiver.pings}) == 2


def test_what_a_trigger_started_is_one_run(receiver, monkeypatch):
    monkeypatch.setenv("HEARTBEAT_JOB", "j")
    monkeypatch.setenv("HEARTBEAT_RUN_ID", RUN)
    with heartbeat.run("j") as run:
        pass
    heartbeat.ping("j")
    heartbeat.ping("j", run_id="11111111-2222-4333-8444-555555555555")
    heartbeat.ping("another")
    ids = [ping.query.get("rid") for ping in receiver.pings]
    assert (run.id, ids) == (RUN, [RUN, RUN, RUN, "11111111-2222-4333-8444-555555555555", None])


def test_a_run_takes_the_id_and_the_slot_it_is_given(receiver):
    given = "0b7c9d6e-1f2a-4b3c-8d4e-5f60718293a4"
    with heartbeat.run("j", run_id=given, for_="2026-11-22", create=True):
        pass
    for ping in receiver.pings:
        assert {"rid": given, "for": "2026-11-22", "create": "1"}.items() <= ping.query.items()


@pytest.mark.usefixtures("nobody")
def test_the_work_is_done_though_the_server_is_down(capsys):
    with heartbeat.run("j"):
        worked = True
    assert worked
    assert capsys.readouterr().err.count("cannot be reached") == 2


def test_the_jobs_exception_is_seen_even_when_ours_may_be_raised(receiver, saying, capsys):
    receiver.answer(saying(), saying(status=404))
    with pytest.raises(ValueError, match="the job's own"), heartbeat.run("j", raise_errors=True):
        raise ValueError("the job's own")
    assert "answered 404" in capsys.readouterr().err


def test_a_run_may_be_asked_to_raise(receiver, saying):
    receiver.answer(saying(status=404))
    with pytest.raises(heartbeat.PingError), heartbeat.run("j", raise_errors=True):
        pytest.fail("not reached")


def test_a_decorated_function_is_a_run_at_each_call(receiver):
    @heartbeat.job("j")
    def add(a, *, b):
        """Adds."""
        return a + b

    assert (add(1, b=2), add(2, b=2)) == (3, 4)
    assert (add.__name__, add.__doc__) == ("add", "Adds.")
    assert receiver.kinds() == ["start", "", "start", ""]
    assert len({ping.query["rid"] for ping in receiver.pings}) == 2


def test_a_decorated_function_that_fails(receiver):
    @heartbeat.job("j")
    def work():
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        work()
    assert receiver.kinds() == ["start", "fail"]


def test_a_decorated_coroutine_function_is_a_run_when_awaited(receiver):
    @heartbeat.job("j")
    async def add(a, b):
        await asyncio.sleep(0)
        return a + b

    assert asyncio.run(add(1, 2)) == 3
    assert receiver.kinds() == ["start", ""]


def test_a_decorated_coroutine_function_that_fails(receiver):
    @heartbeat.job("j")
    async def work():
        raise ValueError("no such customer")

    with pytest.raises(ValueError, match="no such customer"):
        asyncio.run(work())
    assert receiver.kinds() == ["start", "fail"]


def test_a_partial_of_a_coroutine_function_is_one_too(receiver):
    async def add(a, b):
        return a + b

    assert asyncio.run(heartbeat.job("j")(functools.partial(add, 1))(2)) == 3
    assert receiver.kinds() == ["start", ""]


def test_a_cancelled_coroutine_has_failed(receiver):
    async def main():
        begun = asyncio.Event()

        @heartbeat.job("j")
        async def work():
            begun.set()
            await asyncio.Event().wait()

        task = asyncio.create_task(work())
        await begun.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    assert receiver.kinds() == ["start", "fail"]
    assert b"CancelledError" in receiver.pings[1].body


def test_the_event_loop_does_not_wait_for_a_ping(receiver, saying):
    receiver.answer(saying(hang=True))

    async def main():
        async def work():
            async with heartbeat.run("j", timeout=0.5):
                pass

        task = asyncio.create_task(work())
        ticks = 0
        while not task.done():
            await asyncio.sleep(0.01)
            ticks += 1
        return ticks

    assert asyncio.run(main()) > 10


def test_a_generator_is_refused_where_it_is_decorated():
    """Calling it does no work yet: to tell of success then would be wrong."""
    with pytest.raises(TypeError, match=r"put `with heartbeat\.run"):

        @heartbeat.job("j")
        def rows():
            yield 1


def test_runs_in_threads_do_not_mix(receiver):
    def work(name):
        with heartbeat.run(name) as run:
            run.log(name)

    threads = [threading.Thread(target=work, args=(f"job-{n}",)) for n in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    of_run = {}
    for ping in receiver.pings:
        of_run.setdefault(ping.query["rid"], []).append(ping.path.split("/")[3:])
    names = [f"job-{n}" for n in range(5)]
    assert sorted(of_run.values()) == [[[n, "start"], [n, "log"], [n]] for n in names]


def test_aping_leaves_the_event_loop_alone(receiver):
    async def both():
        ticks = [asyncio.create_task(asyncio.sleep(0, "tick")), asyncio.create_task(heartbeat.aping("j", "3 rows"))]
        return await asyncio.gather(*ticks, heartbeat.aping("j", kind="fail", exit_status=3))

    assert asyncio.run(both()) == ["tick", True, True]
    assert sorted(receiver.kinds()) == ["", "3"]
