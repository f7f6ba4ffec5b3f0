"""`sync_results` and `sync_as_completed`: waiting for many jobs in a thread without an event loop."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from midday_worker import (
    JobClient,
    JobDefinition,
    JobFailedError,
    JobNotFoundError,
    JobRegistry,
    JobResultTimeoutError,
    Settings,
    SyncJobContext,
    SyncJobHandle,
    job,
    sync_as_completed,
    sync_results,
)
from midday_worker.errors import RunningLoopError
from tests.integration.crew import Crew

Squares = JobDefinition[int, int]


@pytest.fixture
async def square(registry: JobRegistry, settings: Settings) -> AsyncIterator[Squares]:
    """A job that runs, in a thread; one of a negative number fails."""

    def handle(data: int, ctx: SyncJobContext) -> int:
        if data < 0:
            raise LookupError("negative")
        return data * data

    square = job("square", int, handle, attempts=1, queue="squares", registry=registry)
    async with Crew(registry, settings):
        yield square


async def test_results_are_in_the_order_of_the_handles(settings: Settings, square: Squares) -> None:
    def view() -> list[int]:
        with JobClient.sync(settings):
            handles = [square.sync.trigger(number) for number in (3, 1, 2)]
            return sync_results([*handles, handles[0]], timeout="30s")

    assert await asyncio.to_thread(view) == [9, 1, 4, 9]


async def test_the_first_failure_ends_the_wait(settings: Settings, square: Squares) -> None:
    def view() -> None:
        with JobClient.sync(settings):
            never = square.sync.trigger(1, delay="1h")
            sync_results([never, square.sync.trigger(-1)], timeout="30s")

    with pytest.raises(JobFailedError, match="negative"):
        await asyncio.to_thread(view)


async def test_a_wait_that_is_too_long_names_the_first_job_that_has_not_ended(
    settings: Settings, square: Squares
) -> None:
    def view() -> list[JobResultTimeoutError]:
        errors: list[JobResultTimeoutError] = []
        with JobClient.sync(settings):
            handles = [square.sync.trigger(1), square.sync.trigger(2, delay="1h", job_id="late")]
            handles[0].result("30s")
            for wait in (lambda: sync_results(handles, timeout="50ms"), lambda: list(sync_as_completed(handles, 50))):
                with pytest.raises(JobResultTimeoutError) as raised:
                    wait()
                errors.append(raised.value)
        return errors

    for error in await asyncio.to_thread(view):
        assert (error.job_id, error.queue, error.state, error.timeout_ms) == ("late", "squares", "delayed", 50)


async def test_handles_come_as_their_jobs_end_and_know_how(settings: Settings, square: Squares) -> None:
    def view() -> list[object]:
        seen: list[object] = []
        with JobClient.sync(settings) as client:
            gone = square.sync.handle("gone")
            # By both ways to name a client: their handles are one kind.
            handles = [square.sync.trigger(7, delay="1h"), square.sync.trigger(-1, client=client), gone]
            for ended in sync_as_completed(handles, timeout="30s"):
                seen.append(handles.index(ended))
                if len(seen) == 2:
                    handles[0].promote()
                if ended == handles[0]:
                    ended.remove()
                    assert ended.result() == 49  # at once, and though it is gone
                else:
                    with pytest.raises((JobFailedError, JobNotFoundError)):
                        ended.result()
        return seen

    seen = await asyncio.to_thread(view)
    assert seen[-1] == 0
    assert sorted(map(str, seen)) == ["0", "1", "2"]


async def test_an_iteration_that_is_given_up_leaves_nothing_waiting(settings: Settings, square: Squares) -> None:
    def view() -> int:
        with JobClient.sync(settings):
            handles = [square.sync.trigger(3), square.sync.trigger(1, delay="1h")]
            for ended in sync_as_completed(handles):
                return ended.result()
        raise AssertionError("none has ended")

    assert await asyncio.to_thread(view) == 9


async def test_nothing_to_wait_for_is_nothing(settings: Settings) -> None:
    def view() -> tuple[list[object], list[object]]:
        none: list[SyncJobHandle[object]] = []
        return sync_results(none), list(sync_as_completed(none))

    assert await asyncio.to_thread(view) == ([], [])


async def test_on_a_running_loop_they_are_refused(square: Squares) -> None:
    handle = SyncJobHandle(square.handle("one"))
    with pytest.raises(RunningLoopError):
        sync_results([handle])
    with pytest.raises(RunningLoopError):
        next(sync_as_completed([handle]))


async def test_many_threads_wait_at_once(settings: Settings, square: Squares) -> None:
    together = threading.Barrier(8)

    def wait(number: int) -> list[int]:
        together.wait(30)
        return sync_results([square.sync.trigger(number + more) for more in range(3)], timeout="30s")

    def view() -> list[list[int]]:
        with JobClient.sync(settings), ThreadPoolExecutor(8) as threads:
            return list(threads.map(wait, range(8)))

    assert await asyncio.to_thread(view) == [[(number + more) ** 2 for more in range(3)] for number in range(8)]


async def test_handles_keep_the_client_that_they_were_given(
    settings: Settings, square: Squares, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REDIS_URL", "redis://127.0.0.1:1")
    client = await asyncio.to_thread(JobClient.sync, settings)

    def view() -> tuple[list[int], set[str]]:
        handles = [square.sync.trigger(number, client=client) for number in (2, 3)]
        assert square.sync.handle(handles[0].id, client=client) == handles[0]
        states = {ended.state() for ended in sync_as_completed(handles, "30s")}
        squares = sync_results(handles, "30s")
        client.close()
        return squares, states

    assert await asyncio.to_thread(view) == ([4, 9], {"completed"})
