from asyncio import Event, Future
from collections.abc import Awaitable, Callable, Mapping
from typing import TypeVar

from bullmq.backends.redis_backend import RedisBackend
from bullmq.event_emitter import EventEmitter
from bullmq.job import Job
from bullmq.job_scheduler import JobScheduler
from bullmq.lock_manager import LockManager
from bullmq.redis_connection import RedisConnection
from bullmq.scripts import Scripts
from bullmq.timer import Timer
from bullmq.types import FilledWorkerOptions
from redis.asyncio import Redis

_T = TypeVar("_T")

TRANSIENT_ERRNOS: set[int]
default_maximum_block_timeout: int
minimum_block_timeout: float
short_retry_delay: float

class Worker(EventEmitter):
    backend: RedisBackend
    bclient: Redis
    blockUntil: int
    blockingRedisConnection: RedisConnection
    client: Redis
    clientName: str
    closed: bool
    closing: bool
    drained: bool
    forceClosing: bool
    id: str
    jobs: set[tuple[Job, str]]
    keys: dict[str, str]
    limitUntil: int
    lockManager: LockManager
    name: str
    opts: FilledWorkerOptions
    paused: bool
    prefix: str
    processing: set[Future[Job | None]]
    processor: Callable[..., Awaitable[object]] | None
    qualifiedName: str
    redisConnection: RedisConnection
    resume_event: Event
    running: bool
    scripts: Scripts
    stalledCheckTimer: Timer | None  # set by run()
    waiting: Future[int] | None
    workerName: str | None
    _client_name_set: bool
    _job_scheduler: JobScheduler | None
    _processor_wants_signal: bool
    def __init__(
        self,
        name: str,
        processor: Callable[..., Awaitable[object]] | None,
        opts: Mapping[str, object] = ...,
    ) -> None: ...
    async def run(self) -> None: ...
    async def getNextJob(self, token: str) -> Job | None: ...
    async def moveToActive(self, token: str) -> Job | None: ...
    @property
    def jobScheduler(self) -> JobScheduler: ...
    async def nextJobFromJobData(
        self,
        job_data: dict[str, str] | None = None,
        job_id: str | None = None,
        limit_until: int = 0,
        delay_until: int = 0,
        token: str | None = None,
    ) -> Job | None: ...
    async def _scheduleNextIteration(self, job: Job) -> None: ...
    async def waitForJob(self) -> int: ...
    async def _ensure_client_names(self) -> None: ...
    def getBlockTimeout(self, block_until: int) -> float: ...
    @property
    def minimumBlockTimeout(self) -> float: ...
    @property
    def maximumBlockTimeout(self) -> float: ...
    async def processJob(self, job: Job, token: str) -> None: ...
    async def retryIfFailed(
        self, fn: Callable[[], Awaitable[_T]], opts: Mapping[str, object] | None = None
    ) -> _T | None: ...
    def isConnectionError(self, error: Exception) -> bool: ...
    async def extendLocks(self) -> None: ...
    async def runStalledJobsCheck(self) -> None: ...
    async def close(self, force: bool = False) -> None: ...
    async def pause(self, do_not_wait_active: bool = False) -> None: ...
    def resume(self) -> None: ...
    def cancelProcessing(self) -> None: ...
    def cancelJob(self, job_id: str, reason: str | None = None) -> bool: ...
    def cancelAllJobs(self, reason: str | None = None) -> None: ...

async def getCompleted(
    task_set: set[Future[Job | None]], emit_callback: Callable[..., object]
) -> tuple[list[Job], set[Future[Job | None]]]: ...
