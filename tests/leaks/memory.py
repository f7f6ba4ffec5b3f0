"""How much memory a worker holds after many jobs, and after as many more."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from midday_worker import JobClient, Settings
from midday_worker.testing import RedisServer
from tests.deadline import eventually
from tests.leaks.jobs import QUEUE, Nothing, nothing
from tests.soak.worker import start_worker

BATCH: Final = 1_000
BACKLOG: Final = 3_000
STALL_S: Final = 120.0


@dataclass(frozen=True, slots=True)
class Memory:
    """A worker's resident memory in bytes, after the first half of the jobs and after the second."""

    first: int
    second: int

    @property
    def growth(self) -> float:
        """By which part the second half let it grow."""
        return self.second / self.first - 1


async def measure(server: RedisServer, jobs: int, folder: Path) -> Memory:
    """Run the jobs, half of them and then the rest, through one worker process."""
    variables = {"REDIS_URL": server.url, "WORKER_CONCURRENCY": "50", "LOG_LEVEL": "WARNING"}
    worker = await start_worker("tests.leaks.jobs", variables, folder / "worker.log")
    try:
        async with JobClient(Settings(env_file=None, redis_url=server.url)) as client:
            await _feed(client, jobs // 2)
            first = resident(worker.pid)
            await _feed(client, jobs // 2)
            return Memory(first, resident(worker.pid))
    finally:
        worker.terminate()
        await worker.wait()


def resident(pid: int) -> int:
    """Return the bytes of memory that a process holds."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


async def _feed(client: JobClient, jobs: int) -> None:
    for start in range(0, jobs, BATCH):
        await _until_no_more_than(client, BACKLOG)
        batch = [Nothing(number=number) for number in range(start, min(start + BATCH, jobs))]
        await nothing.batch_trigger([{"payload": each} for each in batch], client=client)
    await _until_no_more_than(client, 0)


async def _until_no_more_than(client: JobClient, left: int) -> None:
    async def are_done() -> bool:
        counts = await client.queue(QUEUE).getJobCounts("waiting", "active")
        return sum(counts.values()) <= left

    await eventually(are_done, f"at most {left} jobs are left", STALL_S)
