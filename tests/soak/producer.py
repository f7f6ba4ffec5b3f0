"""The Python producer, a process of its own: ``python -m tests.soak.producer FOLDER JOBS SEED SECONDS``."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from typing import Final

from sqlalchemy.ext.asyncio import AsyncSession

from midday_worker import JobClient, JobHandle, RedisRefusedError, RedisUnavailableError
from midday_worker.databases import Database, create_database
from tests.soak.jobs import Work, work
from tests.soak.ledger import Ledger
from tests.soak.workload import Task, workload

NAME: Final = "python"
AT_ONCE: Final = 8
GIVE_UP_S: Final = 60.0


class Producer:
    """Adds a workload, evenly over time, and notes each add that Redis has acknowledged.

    Args:
        ledger: where.
        client: where to.
        database: whose transactions add some; without it a key does instead.
    """

    def __init__(self, ledger: Ledger, client: JobClient, database: Database | None) -> None:
        self._ledger = ledger
        self._client = client
        self._database = database
        self._free = asyncio.Semaphore(AT_ONCE)

    async def run(self, jobs: int, seed: int, seconds: float) -> None:
        """Add all; at most `AT_ONCE` are on their way, whatever the pace."""
        started = time.monotonic()
        async with asyncio.TaskGroup() as adding:
            for number, task in enumerate(workload(NAME, jobs, seed)):
                await asyncio.sleep(max(0.0, started + seconds * number / jobs - time.monotonic()))
                await self._free.acquire()
                adding.create_task(self._add(task))

    async def _add(self, task: Task) -> None:
        try:
            async with asyncio.timeout(GIVE_UP_S):
                await self._persist(task)
        finally:
            self._free.release()

    async def _persist(self, task: Task) -> None:
        # Again under the same id, whatever the error said: that makes it one job.
        while not await self._try(task):  # noqa: ASYNC110 - a pause between tries
            await asyncio.sleep(0.1)

    async def _try(self, task: Task) -> bool:
        try:
            handle = await self._trigger(task)
        except (RedisUnavailableError, RedisRefusedError):  # which one that is a replica now does
            return False
        self._ledger.note("added", job=handle.id)
        return True

    async def _trigger(self, task: Task) -> JobHandle[int]:
        payload = Work(milliseconds=task.milliseconds, failures=task.failures, team=task.team or None)
        trigger = partial(work.trigger, payload, client=self._client, delay=task.delay_ms, priority=task.priority)
        if task.way == "job_id":
            return await trigger(job_id=task.job_id)
        if task.way == "key" or self._database is None:
            return await trigger(idempotency_key=task.job_id)
        async with AsyncSession(self._database.engine()) as session:
            handle = await trigger(session=session)
            await session.commit()
            return handle


async def main(folder: str, jobs: str, seed: str, seconds: str) -> None:
    """Add all jobs to the Redis that the environment names, some by the database that it names."""
    async with JobClient() as client, AsyncExitStack() as stack:
        database = None
        if url := os.environ.get("DATABASE_PRIMARY_URL"):
            database = create_database(url)
            stack.push_async_callback(database.dispose)
        producer = Producer(Ledger(Path(folder) / f"producer-{NAME}.jsonl"), client, database)
        await producer.run(int(jobs), int(seed), float(seconds))


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
