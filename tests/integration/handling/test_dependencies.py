"""Dependencies in a worker on a real Redis: held for a process, given to hooks, built by processes, and databases."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator, Generator
from pathlib import Path
from typing import Annotated

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from midday_worker import (
    BatchContext,
    BatchOptions,
    ConfigurationError,
    Depends,
    JobClient,
    JobContext,
    JobEvent,
    JobFailedError,
    JobRegistry,
    Settings,
    SyncJobContext,
    database,
    job,
)
from midday_worker.workers.plan import make_plan
from midday_worker.workers.service import WorkerService
from tests.integration.running import Running

IN_PROCESS = JobRegistry()
"""A process finds its job where its module defines it."""


def of_process() -> Generator[int]:
    yield os.getpid()
    Path(os.environ["CLOSED_BY"]).write_text(str(os.getpid()))


def of_attempt(
    pid: Annotated[int, Depends(of_process, scope="worker")], ctx: SyncJobContext
) -> Generator[list[object]]:
    given: list[object] = [pid, ctx.job.id]
    yield given
    given.append("closed")


@job("in-process", executor="process", registry=IN_PROCESS)
def in_process(data: str, ctx: SyncJobContext, given: Annotated[list[object], Depends(of_attempt)]) -> list[object]:
    return [os.getpid(), *given]


class Log:
    """Opened once a process, and told of everything."""

    def __init__(self) -> None:
        self.lines: list[str] = []


log = Log()


async def held() -> AsyncGenerator[Log]:
    log.lines.append("opened")
    yield log
    log.lines.append("closed")


async def test_handlers_batches_and_hooks_share_what_a_worker_holds(
    client: JobClient, registry: JobRegistry, settings: Settings
) -> None:
    log.lines.clear()

    @job("one", registry=registry)
    async def one(data: str, ctx: JobContext, lines: Annotated[Log, Depends(held, scope="worker")]) -> int:
        lines.lines.append(data)
        return id(lines)

    @job("many", batch=BatchOptions(max_size=1), registry=registry)
    async def many(
        data: list[str], ctx: BatchContext, lines: Annotated[Log, Depends(held, scope="worker")]
    ) -> list[int | Exception]:
        lines.lines.extend(data)
        return [id(lines)]

    @registry.hooks.on_success
    async def hook(event: JobEvent[object, object], lines: Annotated[Log, Depends(held, scope="worker")]) -> None:
        lines.lines.append(f"hook of {event.job.name} {event.result == id(lines)}")

    async with Running(registry, settings):
        await (await one.trigger("a", client=client)).result("30s")
        await (await many.trigger("b", client=client)).result("30s")
    assert log.lines == ["opened", "a", "hook of one True", "b", "hook of many True", "closed"]


async def test_a_process_builds_its_own_and_closes_them(
    client: JobClient, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed_by = tmp_path / "closed"
    monkeypatch.setenv("CLOSED_BY", str(closed_by))
    async with Running(IN_PROCESS, settings):
        handles = [await in_process.trigger("x", client=client) for _ in range(2)]
        results = [await handle.result("30s") for handle in handles]
    for handle, (pid, built_by, job_id) in zip(handles, results, strict=True):
        assert (built_by, job_id, pid != os.getpid()) == (pid, handle.id, True)
    assert closed_by.read_text() in {str(result[0]) for result in results}


async def broken() -> None:
    raise ConnectionError("nobody there")


async def test_a_worker_does_not_start_without_what_it_is_to_hold(registry: JobRegistry, settings: Settings) -> None:
    async def handle(data: str, ctx: JobContext, one: Annotated[None, Depends(broken, scope="worker")]) -> None: ...

    job("one", str, handle, registry=registry)
    with pytest.raises(
        ConfigurationError, match=r"broken \(scope=\"worker\"\) can't be opened: ConnectionError: nobody"
    ):
        async with asyncio.timeout(30):
            await WorkerService(registry, make_plan(registry), settings).run()


async def test_a_further_database_is_committed_with_the_job_and_rolled_back_with_it(
    client: JobClient, registry: JobRegistry, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    @job("report", attempts=1, registry=registry)
    async def report(data: str, ctx: JobContext, db: Annotated[AsyncSession, Depends(database("reports"))]) -> int:
        await db.execute(text("CREATE TABLE IF NOT EXISTS lines (line TEXT)"))
        await db.execute(text("INSERT INTO lines VALUES (:line)"), {"line": data})
        if data == "wrong":
            raise LookupError(data)
        return int(await db.scalar(text("SELECT count(*) FROM lines")) or 0)

    with pytest.raises(ConfigurationError, match="DATABASE_REPORTS_URL is not set"):
        await WorkerService(registry, make_plan(registry), settings).run()
    monkeypatch.setenv("DATABASE_REPORTS_URL", f"sqlite:///{tmp_path / 'reports.db'}")
    async with Running(registry, settings):
        assert await (await report.trigger("a", client=client)).result("30s") == 1
        with pytest.raises(JobFailedError):
            await (await report.trigger("wrong", client=client)).result("30s")
        assert await (await report.trigger("b", client=client)).result("30s") == 2
