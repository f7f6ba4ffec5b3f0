"""What a handler may do when its job is cancelled, and what it can't: keep the outcome from being that."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import suppress

import pytest
from sqlalchemy import text

from midday_worker import (
    BatchContext,
    BatchOptions,
    JobClient,
    JobContext,
    JobDefinition,
    JobFailedError,
    JobRegistry,
    Settings,
    SyncJobContext,
    job,
)
from midday_worker.databases import Database, create_database, session_scope
from tests.integration.crew import Crew


async def test_a_handler_cleans_up_and_what_it_raises_then_is_no_other_outcome(
    client: JobClient, registry: JobRegistry, settings: Settings
) -> None:
    cleaned, started = list[str](), asyncio.Event()

    async def clean(data: str, ctx: JobContext) -> str:
        started.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            await asyncio.sleep(0.01)  # cleaning up may await
            cleaned.append(data)
            if data == "raise":
                raise ValueError("while cleaning up") from None
            if data == "return":
                return "as if nothing had happened"
            raise
        return data

    cleaner: JobDefinition[str, str] = job("clean", str, clean, attempts=5, registry=registry)
    async with Crew(registry, settings):
        for data in ("pass on", "raise", "return"):
            handle = await cleaner.trigger(data, client=client)
            await started.wait()
            started.clear()
            await handle.cancel("enough")
            with pytest.raises(JobFailedError, match="cancelled: enough") as failure:
                await handle.result("10s")
            assert failure.value.attempts == 1
    assert cleaned == ["pass on", "raise", "return"]


async def test_cleaning_up_that_hangs_is_cut(client: JobClient, registry: JobRegistry, settings: Settings) -> None:
    quick = settings.model_copy(update={"cancel_grace": 100})
    started, cut = asyncio.Event(), asyncio.Event()

    async def hang(data: str, ctx: JobContext) -> str:
        started.set()
        try:
            await asyncio.Event().wait()
        finally:
            try:  # longer than it has to clean up, and shorter than it usually has
                await asyncio.wait_for(asyncio.Event().wait(), 4)
            except asyncio.CancelledError:
                cut.set()
                raise
        return data

    hanging: JobDefinition[str, str] = job("hang", str, hang, registry=registry)
    async with Crew(registry, quick):
        handle = await hanging.trigger("x", client=client)
        await started.wait()
        await handle.cancel()
        with pytest.raises(JobFailedError, match="cancelled: "):
            await handle.result("10s")
    assert cut.is_set()


async def test_a_handler_that_can_not_be_stopped_does_not_keep_its_slot(
    client: JobClient, registry: JobRegistry, settings: Settings
) -> None:
    quick = settings.model_copy(update={"concurrency": 1, "cancel_grace": 50, "cut_grace": 50})
    started, release, ended = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def stubborn(data: str, ctx: JobContext) -> str:
        if data == "next":
            return data
        started.set()
        while not release.is_set():
            with suppress(asyncio.CancelledError):
                await release.wait()
        await ctx.update_progress(99)
        await ctx.log("as if nothing had happened")
        ended.set()
        return data

    definition: JobDefinition[str, str] = job("stubborn", str, stubborn, registry=registry)
    async with Crew(registry, quick):
        handle = await definition.trigger("x", client=client)
        await started.wait()
        await handle.cancel("now")
        with pytest.raises(JobFailedError, match="cancelled: now"):
            await handle.result("10s")
        assert await (await definition.trigger("next", client=client)).result("10s") == "next"
        release.set()
        await ended.wait()
        assert await handle.state() == "failed"
        assert ((await handle.fetch()).progress, await handle.logs()) == (0, [])


async def test_a_plain_function_sees_that_it_is_cancelled(
    client: JobClient, registry: JobRegistry, settings: Settings
) -> None:
    told = list[bool]()
    started = asyncio.Event()
    loop = asyncio.get_running_loop()

    def spin(data: str, ctx: SyncJobContext) -> str:
        loop.call_soon_threadsafe(started.set)
        while not ctx.cancelled:
            pass
        told.append(ctx.cancelled)
        return data

    spinning: JobDefinition[str, str] = job("spin", str, spin, registry=registry)
    async with Crew(registry, settings):
        handle = await spinning.trigger("x", client=client)
        await started.wait()
        await handle.cancel("stop")
        with pytest.raises(JobFailedError, match="cancelled: stop"):
            await handle.result("10s")
    assert told == [True]


@pytest.fixture
async def database(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Database]:
    database = create_database(f"sqlite+aiosqlite:///{tmp_path_factory.mktemp('database')}/notes.db")
    async with session_scope(database) as session:
        await session.execute(text("CREATE TABLE note (body text PRIMARY KEY)"))
    yield database
    await database.dispose()


@pytest.mark.parametrize("swallow", [False, True])
async def test_the_session_is_rolled_back(
    client: JobClient, registry: JobRegistry, settings: Settings, database: Database, swallow: bool
) -> None:
    started = asyncio.Event()

    async def note(data: str, ctx: JobContext) -> str:
        await ctx.db.execute(text("INSERT INTO note VALUES (:body)"), {"body": data})
        started.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            if not swallow:
                raise
        return data

    noting: JobDefinition[str, str] = job("note", str, note, registry=registry)
    async with Crew(registry, settings, database):
        handle = await noting.trigger("x", client=client)
        await started.wait()
        await handle.cancel()
        with pytest.raises(JobFailedError, match="cancelled: "):
            await handle.result("10s")
    async with session_scope(database) as session:
        assert list(await session.execute(text("SELECT body FROM note"))) == []


async def test_a_plain_batch_handler_may_clean_up_before_its_last_job_ends(
    client: JobClient, registry: JobRegistry, settings: Settings
) -> None:
    loop, started, cleaned = asyncio.get_running_loop(), asyncio.Event(), list[bool]()

    @job("spin", batch=BatchOptions(max_size=1), registry=registry)
    def spin(data: list[int], ctx: BatchContext) -> list[int]:
        loop.call_soon_threadsafe(started.set)
        while not ctx.cancelled:
            pass
        threading.Event().wait(0.2)  # cleaning up takes its time
        cleaned.append(ctx.cancelled)
        return data

    async with Crew(registry, settings):
        handle = await spin.trigger(1, client=client)
        await started.wait()
        await handle.cancel("enough")
        with pytest.raises(JobFailedError, match="cancelled: enough"):
            await handle.result("10s")
        assert cleaned == [True]


async def test_a_job_of_a_batch_drops_out_and_the_handler_is_cancelled_with_the_last_one(
    client: JobClient, registry: JobRegistry, settings: Settings
) -> None:
    started, cancelled = asyncio.Event(), asyncio.Event()

    @job("hang", batch=BatchOptions(max_size=2, max_wait="10s"), registry=registry)
    async def hang(data: list[int], ctx: BatchContext) -> list[int]:
        started.set()
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()
        return data

    first, last = await hang.batch_trigger([{"payload": 1}, {"payload": 2}], client=client)
    async with Crew(registry, settings):
        await started.wait()
        await first.cancel("enough")
        with pytest.raises(JobFailedError, match="cancelled: enough"):
            await first.result("10s")
        assert not cancelled.is_set()
        await last.cancel("enough")
        with pytest.raises(JobFailedError, match="cancelled: enough"):
            await last.result("10s")
    assert cancelled.is_set()
