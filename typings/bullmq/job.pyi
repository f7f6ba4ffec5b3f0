from collections.abc import Awaitable, Mapping
from typing import Final, TypeAlias, TypedDict

from bullmq.backends.redis_backend import RedisBackend
from bullmq.flow_producer import MinimalQueue
from bullmq.queue import Queue
from bullmq.types import JsonValue
from bullmq.worker import Worker

optsDecodeMap: Final[dict[str, str]]
optsEncodeMap: Final[dict[str, str]]

# A job belongs to the queue that added it, or to the worker that fetched it.
_Owner: TypeAlias = Queue | Worker | MinimalQueue

class _ParentBase(TypedDict):
    id: str
    queueKey: str

class _Parent(_ParentBase, total=False):
    fpof: bool
    rdof: bool
    idof: bool
    cpof: bool

class Job:
    attempts: int
    attemptsMade: int
    attemptsStarted: int
    backend: RedisBackend
    data: JsonValue
    deduplication_id: str | None
    deferredFailure: str | None
    delay: int
    discarded: bool
    failedReason: str | None
    finishedOn: int | None
    id: str  # None only between making a job without an id and adding it
    name: str
    opts: dict[str, object]
    parent: _Parent | None
    parentKey: str | None
    priority: int
    processedOn: int | None
    progress: JsonValue
    queue: _Owner
    queueQualifiedName: str
    removeOnComplete: object
    removeOnFail: object
    repeatJobKey: str | None
    returnvalue: JsonValue
    stacktrace: list[str]
    stalledCounter: int
    timestamp: int
    token: str | None
    def __init__(
        self,
        queue: _Owner,
        name: str,
        data: object,
        opts: Mapping[str, object] = ...,
        job_id: str | None = None,
    ) -> None: ...
    def updateData(self, data: object) -> Awaitable[None]: ...
    async def promote(self) -> None: ...
    async def retry(self, state: str = "failed", opts: Mapping[str, object] = ...) -> None: ...
    def getState(self) -> Awaitable[str]: ...
    async def changePriority(self, opts: Mapping[str, object]) -> None: ...
    def updateProgress(self, progress: object) -> Awaitable[None]: ...
    async def remove(self, opts: Mapping[str, object] = ...) -> None: ...
    def isCompleted(self) -> Awaitable[bool]: ...
    def isFailed(self) -> Awaitable[bool]: ...
    def isDelayed(self) -> Awaitable[bool]: ...
    def isWaitingChildren(self) -> Awaitable[bool]: ...
    def isActive(self) -> Awaitable[bool]: ...
    async def isWaiting(self) -> bool: ...
    async def isInZSet(self, set: str) -> bool: ...
    async def isInList(self, list_name: str) -> bool: ...
    # Both return the next job's data, with fetchNext, as the backend's moveToCompleted does.
    async def moveToCompleted(
        self, return_value: object, token: str, fetchNext: bool = False
    ) -> list[object] | None: ...
    async def moveToFailed(self, err: BaseException, token: str, fetchNext: bool = False) -> list[object] | None: ...
    async def log(self, logRow: str) -> int: ...
    def updateStacktrace(self) -> None: ...
    async def moveToDelayed(self, timestamp: int, token: str) -> None: ...
    async def moveToWaitingChildren(self, token: str, opts: Mapping[str, object]) -> bool | None: ...
    async def getChildrenValues(self) -> Mapping[str, object]: ...
    @staticmethod
    def fromJSON(queue: _Owner, rawData: Mapping[str, str], jobId: str | None = None) -> Job: ...
    @staticmethod
    async def fromId(queue: _Owner, jobId: str) -> Job | None: ...
    @staticmethod
    async def addJobLog(queue: _Owner, jobId: str, logRow: str, keepLogs: int = 0) -> int: ...

def optsFromJSON(rawOpts: Mapping[str, object]) -> dict[str, object]: ...
def getReturnValue(value: str) -> JsonValue: ...
