"""A batch's session on a real PostgreSQL: one for all of its jobs, committed once, before they complete."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from midday_worker import (
    BatchContext,
    BatchOptions,
    JobClient,
    JobFailedError,
    JobRegistry,
    Settings,
    job,
)
from midday_worker.databases import Database, create_database, session_scope
from midday_worker.engine.job.job import Job
from tests.deadline import eventually
from tests.integration.crew import Crew

TOGETHER = BatchOptions(max_size=3, max_wait="2s")


@pytest.fixture
async def database(postgres_url: str) -> AsyncIterator[Database]:
    database = create_database(postgres_url)
    async with session_scope(database) as session:
        await session.execute(text("CREATE TABLE note (body text UNIQUE DEFERRABLE INITIALLY DEFERRED)"))
    yield database
    await database.dispose()


async def notes(database: Database) -> list[str]:
    async with session_scope(database) as session:
        rows = await session.execute(text("SELECT body FROM note ORDER BY body"))
        return [str(row.body) for row in rows]


async def write(ctx: BatchContext, bodies: list[str]) -> None:
    await ctx.db.execute(text("INSERT INTO note VALUES (:body)"), [{"body": body} for body in bodies])


async def test_the_session_is_committed_before_the_jobs_complete_also_for_those_that_succeeded_beside_others(
    client: JobClient, registry: JobRegistry, settings: Settings, database: Database
) -> None:
    @job("note", batch=TOGETHER, attempts=1, registry=registry)
    async def note(data: list[str], ctx: BatchContext) -> list[int | Exception]:
        kept = [body for body in data if body]
        await write(ctx, kept)
        return [len(body) if body else ValueError("an empty note") for body in data]

    one, empty, two = await note.batch_trigger([{"payload": body} for body in ("one", "", "three")], client=client)
    async with Crew(registry, settings, database):
        assert [await one.result("10s"), await two.result("10s")] == [3, 5]
        assert await notes(database) == ["one", "three"]
        with pytest.raises(JobFailedError, match="an empty note"):
            await empty.result("10s")


@pytest.mark.parametrize("fails", ["by raising", "by its length", "by the commit"])
async def test_a_batch_that_fails_leaves_nothing_and_no_job_completes(
    client: JobClient, registry: JobRegistry, settings: Settings, database: Database, fails: str
) -> None:
    @job("note", batch=TOGETHER, attempts=1, registry=registry)
    async def note(data: list[str], ctx: BatchContext) -> list[int | Exception]:
        await write(ctx, ["same", "same"] if fails == "by the commit" else data)
        if fails == "by raising":
            raise LookupError("no")
        return [1, 1] if fails == "by its length" else [1, 1, 1]

    handles = await note.batch_trigger([{"payload": body} for body in ("a", "b", "c")], client=client)
    reason = {"by raising": "no", "by its length": "2 items for 3 payloads", "by the commit": "duplicate key"}[fails]
    async with Crew(registry, settings, database):
        ended = await asyncio.gather(*(handle.result("10s") for handle in handles), return_exceptions=True)
    assert [isinstance(error, JobFailedError) and reason in error.reason for error in ended] == [True] * 3
    assert await notes(database) == []


@pytest.mark.parametrize("told", ["by a forced stop", "one by one"])
async def test_a_stop_lets_a_commit_and_its_jobs_come_to_their_end(
    client: JobClient,
    registry: JobRegistry,
    settings: Settings,
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
    told: str,
) -> None:
    """Handed back or failed, the jobs would be run again after what they wrote was committed."""
    committing, release, real = asyncio.Event(), asyncio.Event(), AsyncSession.commit
    jobs: list[Job] = []

    async def commit(session: AsyncSession) -> None:
        committing.set()
        await release.wait()
        await real(session)

    @job("note", batch=TOGETHER, attempts=1, registry=registry)
    async def note(data: list[str], ctx: BatchContext) -> list[int]:
        jobs.extend(ctx.jobs)
        await write(ctx, data)
        return [len(body) for body in data]

    async with Crew(registry, settings, database) as crew:
        monkeypatch.setattr(AsyncSession, "commit", commit)
        handles = await note.batch_trigger([{"payload": body} for body in ("a", "b", "c")], client=client)
        await asyncio.wait_for(committing.wait(), 10)
        if told == "one by one":
            assert [await handle.cancel() for handle in handles] == ["requested"] * 3

            async def all_told() -> bool:
                return all(one.attempt.stopped_by is not None for one in jobs)

            await eventually(all_told, "all are told to stop")
        draining = asyncio.create_task(crew.worker.drain(0))
        assert not (await asyncio.wait({draining}, timeout=0.5))[0]
        release.set()
        assert await draining is True
        assert [await handle.state() for handle in handles] == ["completed"] * 3
    monkeypatch.undo()
    assert await notes(database) == ["a", "b", "c"]
