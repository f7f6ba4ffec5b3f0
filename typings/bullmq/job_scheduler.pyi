from collections.abc import Callable, Mapping
from typing import TypeAlias

from bullmq.backends.redis_backend import RedisBackend
from bullmq.job import Job
from bullmq.queue import Queue
from bullmq.types import JobSchedulerJson
from bullmq.worker import Worker

# Now, or the previous fire if that is later, and the repeat options -> the next fire. Times in milliseconds.
_RepeatStrategy: TypeAlias = Callable[[int, Mapping[str, object]], int | None]

def default_repeat_strategy(millis: int, opts: Mapping[str, object]) -> int | None: ...

class JobScheduler:
    queue: Queue | Worker
    backend: RedisBackend
    repeat_strategy: _RepeatStrategy
    def __init__(self, queue: Queue | Worker, repeat_strategy: _RepeatStrategy | None = None) -> None: ...
    async def upsertJobScheduler(
        self,
        job_scheduler_id: str,
        repeat_opts: Mapping[str, object],
        job_name: str,
        job_data: object = None,
        opts: Mapping[str, object] | None = None,
        override: bool = True,
        producer_id: str | None = None,
    ) -> Job | None: ...
    async def removeJobScheduler(self, job_scheduler_id: str) -> int: ...
    async def isJobScheduler(self, job_scheduler_id: str) -> bool: ...
    async def getScheduler(self, job_scheduler_id: str) -> JobSchedulerJson | None: ...
    async def getJobSchedulers(self, start: int = 0, end: int = -1, asc: bool = False) -> list[JobSchedulerJson]: ...
    async def getSchedulersCount(self) -> int: ...
