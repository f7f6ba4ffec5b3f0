"""Sessions of plain functions, in threads and in processes, on a real PostgreSQL and on SQLite."""

from __future__ import annotations

import asyncio
import threading
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Final

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Session

from midday_worker import (
    Depends,
    JobClient,
    JobContext,
    JobFailedError,
    JobRegistry,
    QueueRegistry,
    Settings,
    SyncJobContext,
    database,
    job,
)
from midday_worker.databases import create_database
from midday_worker.errors import SessionEndedError
from midday_worker.outbox.table import make_table
from midday_worker.testing import PostgresServer
from midday_worker.workers.plan import make_plan
from tests.integration.running import Running

IN_PROCESS: Final = JobRegistry(QueueRegistry())


class Lines:
    """A repository, as a plain function depends on it."""

    def __init__(self, db: Annotated[Session, Depends(database("reports"))]) -> None:
        self.db = db

    def add(self, line: str) -> int:
        self.db.execute(text("INSERT INTO lines VALUES (:line)"), {"line": line})
        return int(self.db.scalar(text("SELECT count(*) FROM lines")) or 0)


@job("in-process", registry=IN_PROCESS, executor="process", attempts=1)
def in_process(data: str, ctx: SyncJobContext, lines: Annotated[Lines, Depends(Lines)]) -> int:
    count = lines.add(data)
    if data == "wrong":
        raise LookupError(data)
    return count


@pytest.fixture(params=["postgresql", "sqlite"])
async def reports_url(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    url = f"sqlite:///{tmp_path}/reports.db"
    if request.param == "postgresql":
        server: PostgresServer = request.getfixturevalue("postgres_server")
        url = f"{server.create_database()}?connect_timeout=10&command_timeout=30"
    made = create_database(url)
    async with made.engine().begin() as connection:
        await connection.execute(text("CREATE TABLE lines (line TEXT)"))
        await connection.run_sync(make_table)
    await made.dispose()
    monkeypatch.setenv("DATABASE_REPORTS_URL", url)
    return url


async def lines_of(url: str) -> list[str]:
    reports = create_database(url)
    async with AsyncSession(reports.engine()) as session:
        found = list(await session.scalars(text("SELECT line FROM lines ORDER BY line")))
    await reports.dispose()
    return found


async def test_a_thread_s_is_committed_with_its_job_and_rolled_back_with_it(
    client: JobClient, registry: JobRegistry, settings: Settings, reports_url: str
) -> None:
    @job("report", attempts=1, registry=registry)
    def report(data: str, ctx: SyncJobContext, lines: Annotated[Lines, Depends(Lines)]) -> int:
        count = lines.add(data)
        if data == "wrong":
            raise LookupError(data)
        return count

    async with Running(registry, settings):
        assert await (await report.trigger("a", client=client)).result("30s") == 1
        with pytest.raises(JobFailedError):
            await (await report.trigger("wrong", client=client)).result("30s")
        assert await (await report.trigger("b", client=client)).result("30s") == 2
    assert await lines_of(reports_url) == ["a", "b"]


async def test_a_process_s_is_committed_and_rolled_back_too(
    client: JobClient, settings: Settings, reports_url: str
) -> None:
    async with Running(IN_PROCESS, settings):
        assert await (await in_process.trigger("a", client=client)).result("60s") == 1
        with pytest.raises(JobFailedError):
            await (await in_process.trigger("wrong", client=client)).result("30s")
        assert await (await in_process.trigger("b", client=client)).result("30s") == 2
    assert await lines_of(reports_url) == ["a", "b"]


async def test_one_that_was_given_up_writes_nothing_any_more(
    client: JobClient, registry: JobRegistry, settings: Settings, reports_url: str
) -> None:
    given_up, ended = threading.Event(), threading.Event()
    errors: list[Exception] = []

    @job("report", attempts=1, timeout="100ms", registry=registry)
    def report(data: str, ctx: SyncJobContext, lines: Annotated[Lines, Depends(Lines)]) -> None:
        lines.add(data)
        given_up.wait(30)
        for _ in range(2):  # the first finds its connection closed
            try:
                lines.add("late")
                lines.db.commit()
            except Exception as error:
                errors.append(error)
                with suppress(Exception):
                    lines.db.rollback()
        ended.set()

    async with Running(registry, settings):
        with pytest.raises(JobFailedError, match="took longer"):
            await (await report.trigger("early", client=client)).result("30s")
        given_up.set()
        assert await asyncio.to_thread(ended.wait, 30)
    assert isinstance(errors[-1], SessionEndedError), errors
    assert await lines_of(reports_url) == []


async def test_a_plain_function_adds_jobs_with_its_transaction(
    client: JobClient, registry: JobRegistry, settings: Settings, reports_url: str
) -> None:
    @job("receipt", registry=registry)
    async def receipt(data: str, ctx: JobContext) -> str:
        return data

    @job("charge", attempts=1, registry=registry)
    def charge(data: str, ctx: SyncJobContext, db: Annotated[Session, Depends(database())]) -> str:
        handle = receipt.sync.trigger(data, session=db)
        if data == "wrong":
            raise LookupError(data)
        return handle.id

    primary = Settings(env_file=None, **{**settings.revealed(), "database_primary_url": reports_url})
    async with Running(registry, primary):
        receipt_id = await (await charge.trigger("a", client=client)).result("30s")
        failed = await charge.trigger("wrong", client=client)
        with pytest.raises(JobFailedError):
            await failed.result("30s")
        added = await client.queue(make_plan(registry).queues[0].queue).getJobCounts("completed", "failed")
        assert added["failed"] == 1
        sent = receipt.handle(receipt_id, client=client)
        async with asyncio.timeout(30):
            while await sent.state() != "completed":  # noqa: ASYNC110 - nobody tells of a job that isn't there yet
                await asyncio.sleep(0.05)
