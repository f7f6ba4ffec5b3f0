"""`ctx.db` on a real PostgreSQL: what an attempt wrote stays exactly if it succeeded."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Awaitable
from contextlib import suppress

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession

from midday_worker import (
    BatchContext,
    BatchOptions,
    JobClient,
    JobContext,
    JobDefinition,
    JobFailedError,
    JobRegistry,
    Settings,
    job,
)
from midday_worker.databases import Database, create_database, session_scope
from midday_worker.errors import SessionEndedError
from tests.integration.crew import Crew


@pytest.fixture
async def database(postgres_url: str) -> AsyncIterator[Database]:
    database = create_database(postgres_url)
    async with session_scope(database) as session:
        await session.execute(text("CREATE TABLE note (body text PRIMARY KEY)"))
    yield database
    await database.dispose()


@pytest.fixture
async def one_connection(database: Database, postgres_url: str) -> AsyncIterator[Database]:
    """The same one, with a pool of one."""
    pool = create_database(postgres_url, max_connections=1)
    yield pool
    await pool.dispose()


async def notes(database: Database) -> list[str]:
    async with session_scope(database) as session:
        rows = await session.execute(text("SELECT body FROM note ORDER BY body"))
        return [str(row.body) for row in rows]


async def write(ctx: JobContext, body: str) -> None:
    await ctx.db.execute(text("INSERT INTO note VALUES (:body)"), {"body": body})


async def test_success_commits_before_the_job_is_completed(
    client: JobClient, registry: JobRegistry, settings: Settings, database: Database
) -> None:
    async def note(data: str, ctx: JobContext) -> int:
        await write(ctx, data)
        return len(data)

    noting = job("note", str, note, registry=registry)
    async with Crew(registry, settings, database):
        assert await (await noting.trigger("kept", client=client)).result("10s") == 4
        assert await notes(database) == ["kept"]


async def test_failure_rolls_back_and_the_next_attempt_starts_afresh(
    client: JobClient, registry: JobRegistry, settings: Settings, database: Database
) -> None:
    async def note(data: str, ctx: JobContext) -> None:
        await write(ctx, data)  # a second time it would break the primary key, had the first one stayed
        if ctx.job.attemptsMade == 0:
            raise LookupError("not yet")

    noting = job("note", str, note, attempts=2, backoff=0, registry=registry)
    async with Crew(registry, settings, database):
        await (await noting.trigger("twice", client=client)).result("10s")
    assert await notes(database) == ["twice"]


async def test_a_timeout_rolls_back(
    client: JobClient, registry: JobRegistry, settings: Settings, database: Database
) -> None:
    async def note(data: str, ctx: JobContext) -> None:
        await write(ctx, data)
        await asyncio.Event().wait()

    noting = job("note", str, note, attempts=1, timeout="300ms", registry=registry)
    async with Crew(registry, settings, database):
        with pytest.raises(JobFailedError, match="timeout of 300 ms"):
            await (await noting.trigger("late", client=client)).result("10s")
    assert await notes(database) == []


async def test_a_forced_stop_rolls_back_before_the_job_goes_back_to_its_queue(
    client: JobClient, registry: JobRegistry, settings: Settings, database: Database
) -> None:
    written, release = asyncio.Event(), asyncio.Event()

    async def note(data: str, ctx: JobContext) -> None:
        await write(ctx, data)  # a second time it would break the primary key, had the first one stayed
        written.set()
        await release.wait()

    noting = job("note", str, note, attempts=1, registry=registry)
    async with Crew(registry, settings, database) as crew:
        triggered = await noting.trigger("stopped", client=client)
        await asyncio.wait_for(written.wait(), 10)
        assert await crew.worker.drain(0) is False
        assert await triggered.state() == "waiting"
        assert await notes(database) == []
    release.set()
    async with Crew(registry, settings, database):
        await triggered.result("10s")
    assert await notes(database) == ["stopped"]


async def test_a_forced_stop_lets_a_commit_and_its_job_come_to_their_end(
    client: JobClient,
    registry: JobRegistry,
    settings: Settings,
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Handed back, the job would be run again after what it wrote was committed."""
    committing, release, real = asyncio.Event(), asyncio.Event(), AsyncSession.commit

    async def commit(session: AsyncSession) -> None:
        committing.set()
        await release.wait()
        await real(session)

    async def note(data: str, ctx: JobContext) -> None:
        await write(ctx, data)

    noting = job("note", str, note, attempts=1, registry=registry)
    async with Crew(registry, settings, database) as crew:
        monkeypatch.setattr(AsyncSession, "commit", commit)
        triggered = await noting.trigger("kept", client=client)
        await asyncio.wait_for(committing.wait(), 10)
        draining = asyncio.create_task(crew.worker.drain(0))
        assert not (await asyncio.wait({draining}, timeout=0.5))[0]
        release.set()
        assert await draining is True
        assert await triggered.state() == "completed"
    monkeypatch.undo()
    assert await notes(database) == ["kept"]


async def suppressed(query: Awaitable[object]) -> None:
    """Let a query end as it may."""
    with suppress(DBAPIError):
        await query


class Stubborn:
    """Handlers that write, and go on whatever they are told, until `end` is set."""

    def __init__(self) -> None:
        self.end, self.began, self.refused = asyncio.Event(), asyncio.Semaphore(0), asyncio.Semaphore(0)

    async def single(self, data: str, ctx: JobContext | BatchContext) -> None:
        await ctx.db.execute(text("INSERT INTO note VALUES (:body)"), {"body": data})
        query = ctx.db.execute(text("SELECT pg_sleep(60)" if data == "busy" else "SELECT 1"))
        running = asyncio.create_task(suppressed(query))
        self.began.release()
        while not self.end.is_set():
            with suppress(asyncio.CancelledError):
                await self.end.wait()
        await running
        with pytest.raises(SessionEndedError, match="was given up"):
            await ctx.db.execute(text("INSERT INTO note VALUES ('late')"))
        self.refused.release()

    async def together(self, data: list[str], ctx: BatchContext) -> list[None]:
        await self.single(data[0], ctx)
        return [None]

    def definition(self, kind: str, limit: str | None, registry: JobRegistry) -> JobDefinition[str, None]:
        if kind == "single":
            return job("stubborn", str, self.single, attempts=1, timeout=limit, registry=registry)
        one = BatchOptions(max_size=1, max_wait="1ms")
        return job("stubborn", str, self.together, batch=one, attempts=1, timeout=limit, registry=registry)


@pytest.mark.parametrize("told", ["by its limit", "by a cancellation", "by a stop"])
@pytest.mark.parametrize("kind", ["single", "batch"])
async def test_a_handler_that_is_given_up_holds_no_connection_and_writes_nothing_more(
    client: JobClient, registry: JobRegistry, settings: Settings, one_connection: Database, kind: str, told: str
) -> None:
    handlers = Stubborn()
    stubborn = handlers.definition(kind, "300ms" if told == "by its limit" else None, registry)
    bodies = ["busy"] if told == "by a stop" else ["busy", "idle", "busy"]
    quick = settings.model_copy(update={"cancel_grace": 50, "cut_grace": 50})
    async with Crew(registry, quick, one_connection) as crew:
        for body in bodies:
            triggered = await stubborn.trigger(body, client=client)
            await asyncio.wait_for(handlers.began.acquire(), 10)
            if told == "by a stop":
                assert await crew.worker.drain(0) is False
            else:
                if told == "by a cancellation":
                    await triggered.cancel()
                with pytest.raises(JobFailedError):
                    await triggered.result("10s")
            async with asyncio.timeout(10):
                assert await notes(one_connection) == []
        handlers.end.set()
        for _ in bodies:
            await asyncio.wait_for(handlers.refused.acquire(), 10)
    assert await notes(one_connection) == []


async def test_a_result_that_cannot_be_dumped_rolls_back(
    client: JobClient, registry: JobRegistry, settings: Settings, database: Database
) -> None:
    async def note(data: str, ctx: JobContext) -> object:
        await write(ctx, data)
        return threading.Lock()

    noting = job("note", str, note, attempts=3, registry=registry)
    async with Crew(registry, settings, database):
        with pytest.raises(JobFailedError, match="can't be stored") as caught:
            await (await noting.trigger("unsaid", client=client)).result("10s")
    assert caught.value.attempts == 1
    assert await notes(database) == []


async def test_a_commit_that_fails_fails_the_attempt(
    client: JobClient, registry: JobRegistry, settings: Settings, database: Database
) -> None:
    async with session_scope(database) as session:
        await session.execute(text("ALTER TABLE note ADD UNIQUE (body) DEFERRABLE INITIALLY DEFERRED"))
        await session.execute(text("ALTER TABLE note DROP CONSTRAINT note_pkey"))

    async def note(data: str, ctx: JobContext) -> None:
        await write(ctx, data)

    noting = job("note", str, note, attempts=1, registry=registry)
    async with Crew(registry, settings, database):
        await (await noting.trigger("same", client=client)).result("10s")
        with pytest.raises(JobFailedError, match="duplicate key"):
            await (await noting.trigger("same", client=client)).result("10s")
    assert await notes(database) == ["same"]


async def test_without_a_database_its_use_says_what_to_set(
    client: JobClient, registry: JobRegistry, settings: Settings
) -> None:
    async def note(data: str, ctx: JobContext) -> None:
        await write(ctx, data)

    async def idle(data: str, ctx: JobContext) -> str:
        return data

    noting = job("note", str, note, attempts=1, registry=registry)
    idling = job("idle", str, idle, registry=registry)
    async with Crew(registry, settings):
        with pytest.raises(JobFailedError, match="DATABASE_PRIMARY_URL"):
            await (await noting.trigger("nowhere", client=client)).result("10s")
        assert await (await idling.trigger("fine", client=client)).result("10s") == "fine"
