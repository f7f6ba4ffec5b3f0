"""The Python producer, a process of its own: ``python -m tests.soak.producer FOLDER JOBS SEED SECONDS``."""

from __future__ import annotations

import asyncio
import sys
import time
from pathlib import Path
from typing import Final

from midday_worker import JobClient, RedisRefusedError, RedisUnavailableError
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
    """

    def __init__(self, ledger: Ledger, client: JobClient) -> None:
        self._ledger = ledger
        self._client = client
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
        payload = Work(milliseconds=task.milliseconds, failures=task.failures)
        try:
            await work.trigger(
                payload, client=self._client, job_id=task.job_id, delay=task.delay_ms, priority=task.priority
            )
        except (RedisUnavailableError, RedisRefusedError):  # which one that is a replica now does
            return False
        self._ledger.note("added", job=task.job_id)
        return True


async def main(folder: str, jobs: str, seed: str, seconds: str) -> None:
    """Add all jobs to the Redis that the environment names."""
    async with JobClient() as client:
        await Producer(Ledger(Path(folder) / f"producer-{NAME}.jsonl"), client).run(
            int(jobs), int(seed), float(seconds)
        )


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
