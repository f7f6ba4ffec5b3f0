"""Blocking calls on a real Redis: from threads, from forked processes, and not from an event loop's own thread."""

from __future__ import annotations

import asyncio
import contextvars
import multiprocessing
import signal
import threading
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import TypeAlias

import pytest

from midday_worker import (
    JobClient,
    JobContext,
    JobFailedError,
    JobHandle,
    JobNotFoundError,
    JobRegistry,
    JobStateError,
    PayloadError,
    Settings,
    SyncJobContext,
    SyncJobHandle,
    job,
)
from midday_worker.client.background_loop import BackgroundLoop
from midday_worker.client.client import stand_in
from midday_worker.errors import ClientClosedError, RunningLoopError
from midday_worker.testing import recording_client
from tests.integration.crew import Crew

THREADS = 20

Answer: TypeAlias = tuple[int, str, Sequence[object]]

registry = JobRegistry()


@job("double", registry=registry, attempts=1)
async def double(data: int, ctx: JobContext) -> int:
    if data < 0:
        raise ValueError("too small")
    return 2 * data


@job("total", registry=registry, attempts=1)
async def total(data: int, ctx: JobContext) -> int:
    return data + sum(await ctx.children_results(double))


@job("sweep", registry=registry)
async def sweep(data: None, ctx: JobContext) -> str:
    return f"swept {data}"


async def test_a_job_without_payload_is_triggered_without_an_argument(settings: Settings) -> None:
    def view() -> str:
        with JobClient.sync(settings):
            return sweep.sync.trigger().result("30s")

    async with Crew(registry, settings):
        assert await asyncio.to_thread(view) == "swept None"


async def test_a_thread_triggers_and_waits_for_typed_results(settings: Settings) -> None:
    def view() -> list[int]:
        with JobClient.sync(settings):
            one = double.sync.trigger(1)
            many = double.sync.batch_trigger({"payload": number} for number in (2, 3))
            later = double.sync.trigger_delayed(4, timedelta(milliseconds=1))
            flow = total.sync.trigger_flow(1, [double.node(5), {"job": double, "data": 6}])
            (other,) = total.sync.batch_trigger_flow([{"payload": 0, "children": [double.node(7)]}])
            assert [child.job for child in flow.children] == ["double", "double"]
            handles = [one, *many, later, flow, other]
            results = [handle.result("30s") for handle in handles]
            assert {handle.state() for handle in handles} == {"completed"}
            return results

    async with Crew(registry, settings):
        assert await asyncio.to_thread(view) == [2, 4, 6, 8, 1 + 10 + 12, 14]


async def test_errors_are_those_of_the_awaited_calls(settings: Settings) -> None:
    def view() -> None:
        client = JobClient.sync(settings)
        with pytest.raises(PayloadError):
            double.sync.trigger({"not": "an int"}, client=client)
        with pytest.raises(JobFailedError, match="too small"):
            double.sync.trigger(-1, client=client).result("30s")
        gone = double.sync.trigger(1, client=client, delay="1h")
        gone.remove()
        with pytest.raises(JobNotFoundError):
            gone.fetch()
        client.close()
        client.close()
        with pytest.raises(ClientClosedError):
            double.sync.trigger(1, client=client)

    async with Crew(registry, settings):
        await asyncio.to_thread(view)


def test_schedules_are_made_found_and_removed(settings: Settings) -> None:
    with JobClient.sync(settings) as client:
        schedule = double.sync.trigger_recurring(1, every="1h", schedule_id="hourly", client=client)
        assert [found.id for found in double.sync.schedules()] == [schedule.id] == ["hourly"]
        stored, next_run = schedule.fetch(), schedule.next_run()
        assert stored is not None
        assert next_run is not None
        assert (schedule.remove(), schedule.remove()) == (True, False)


def test_the_acts_on_a_job_block_too(settings: Settings) -> None:
    with JobClient.sync(settings):
        handle = double.sync.trigger(1, delay="1h")
        handle.reschedule("2h")
        handle.update_data(2)
        handle.change_priority(5)
        handle.promote()
        assert (handle.state(), handle.fetch().data) == ("prioritized", 2)
        with pytest.raises(JobStateError):
            handle.retry()
        handle.remove()
        assert handle.state() == "unknown"


async def test_a_job_is_followed_while_it_runs(settings: Settings) -> None:
    followed = JobRegistry()

    async def tell(data: int, ctx: JobContext) -> int:
        await ctx.log("one")
        await ctx.update_progress(data)
        return data

    telling = job("tell", int, tell, registry=followed)

    def view() -> tuple[list[str], list[str], list[object], int]:
        with JobClient.sync(settings):
            handle = telling.sync.trigger(50)
            seen: list[object] = [*handle.progress()]
            assert handle.result("30s") == 50
            return list(handle.tail()), handle.logs(), seen[-1:], handle.attempts_made()

    async with Crew(followed, settings):
        assert await asyncio.to_thread(view) == (["one"], ["one"], [50], 1)


def test_a_waiting_job_is_cancelled(settings: Settings) -> None:
    with JobClient.sync(settings):
        handle = double.sync.trigger(1, delay="1h")
        handle.cancel("not needed")
        assert handle.state() == "failed"


def test_every_public_call_of_a_handle_blocks_too() -> None:
    """But what `results()` and `as_completed()` are made of."""
    internals = {"client", "source", "ending", "wait", "result_of", "refuse_missing", "late_ending", "with_version"}
    assert {name for name in dir(JobHandle) if not name.startswith("_")} - internals <= set(dir(SyncJobHandle))


def test_many_threads_share_one_loop_and_one_connection(settings: Settings) -> None:
    with JobClient.sync(settings) as client:
        together, handles = threading.Barrier(THREADS), list[SyncJobHandle[int]]()

        def view() -> None:
            together.wait(30)
            handles.append(double.sync.trigger(1))

        threads = [threading.Thread(target=view) for _ in range(THREADS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        assert len({handle.id for handle in handles}) == THREADS
        assert len([thread for thread in threading.enumerate() if thread.name == "midday-worker sync"]) == 1
        assert len({id(client.run(_itself)) for _ in range(3)}) == 1


async def _itself(client: JobClient) -> JobClient:
    return client


async def test_a_call_in_a_running_loops_thread_is_refused_instead_of_standing_still(settings: Settings) -> None:
    with pytest.raises(RunningLoopError, match=r"await the asynchronous call here \(my_job\.trigger"):
        double.sync.trigger(1)
    client = await asyncio.to_thread(JobClient.sync, settings)
    with pytest.raises(RunningLoopError):
        double.sync.trigger(1, client=client)
    with pytest.raises(RunningLoopError):
        client.__enter__()
    with pytest.raises(RunningLoopError):
        client.close()


async def test_a_plain_function_of_a_worker_triggers_another_job(settings: Settings) -> None:
    def hand_on(data: int, ctx: SyncJobContext) -> int:
        return double.sync.trigger(data).result("30s")

    both = JobRegistry()
    both.add(double)
    handing = job("hand-on", int, hand_on, registry=both)
    async with Crew(both, settings):

        def view() -> int:
            with JobClient.sync(settings):
                return handing.sync.trigger(4).result("30s")

        assert await asyncio.to_thread(view) == 8


def test_a_recording_client_records_blocking_calls_too() -> None:
    client = recording_client()
    with stand_in(client):
        double.sync.trigger(3, delay="5s")
    assert [record.payload for record in client.triggered(double)] == [3]


def test_a_call_has_its_callers_context() -> None:
    name: contextvars.ContextVar[str] = contextvars.ContextVar("name")
    name.set("caller")

    async def called() -> str:
        return name.get()

    loop = BackgroundLoop()
    assert loop.run(called) == "caller"
    loop.end()


def test_an_interrupted_wait_is_cancelled() -> None:
    """Ctrl-C in a script that waits for a result."""
    loop, started, cancelled = BackgroundLoop(), threading.Event(), threading.Event()

    async def waits() -> None:
        started.set()
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()

    def interrupt() -> None:
        started.wait(30)
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)

    threading.Thread(target=interrupt).start()
    with pytest.raises(KeyboardInterrupt):
        loop.run(waits)
    assert cancelled.wait(30)
    loop.end()


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
@pytest.mark.parametrize("given", [True, False], ids=["given", "entered"])
def test_a_forked_child_has_a_connection_of_its_own(given: bool, settings: Settings) -> None:
    """What a web server with a preloaded application does: both go on, and neither reads the other's replies."""
    with JobClient.sync(settings) as client:
        mine = client if given else None
        before = double.sync.trigger(0, client=mine)
        parents = client.run(_connection_id)

        def in_child() -> Answer:
            theirs = [double.sync.trigger(number, client=mine, delay="1h").fetch().data for number in range(100, 150)]
            return client.run(_connection_id), before.state(), theirs

        answer_of = in_fork(in_child)
        ours = [double.sync.trigger(number, client=mine, delay="1h").fetch().data for number in range(50)]
        childs, seen, theirs = answer_of()
        assert childs != parents == client.run(_connection_id)
        assert seen == "waiting" == before.state()
        assert (ours, theirs) == (list(range(50)), list(range(100, 150)))


async def _connection_id(client: JobClient) -> int:
    """The number of the client's connection, as Redis has it."""
    return await client.connection.conn.client_id()  # pyright: ignore[reportUnknownMemberType] - redis-py's **kwargs are untyped


def in_fork(act: Callable[[], Answer]) -> Callable[[], Answer]:
    """Do something in a forked child; return what waits for its answer."""
    context = multiprocessing.get_context("fork")
    answers: multiprocessing.Queue[Answer] = context.Queue()
    child = context.Process(target=lambda: answers.put(act()))
    child.start()

    def wait() -> Answer:
        answer = answers.get(timeout=60)
        child.join(60)
        assert child.exitcode == 0
        return answer

    return wait
