from collections.abc import Mapping, Sequence
from typing import TypedDict

from bullmq.backends.redis_backend import RedisBackend
from bullmq.event_emitter import EventEmitter
from bullmq.job import Job
from bullmq.types import ConnectionOptions, QueueBaseOptions

class _JobNodeBase(TypedDict):
    job: Job

class JobNode(_JobNodeBase, total=False):
    children: list[JobNode]

class MinimalQueue:
    name: str
    opts: QueueBaseOptions
    prefix: str
    backend: RedisBackend
    qualifiedName: str
    def __init__(self, name: str, backend: RedisBackend, opts: QueueBaseOptions = ...) -> None: ...

class FlowProducer(EventEmitter):
    opts: dict[str, object]
    prefix: str
    backend: RedisBackend
    closing: bool
    def __init__(self, redisOpts: ConnectionOptions | None = None, opts: QueueBaseOptions | None = None) -> None: ...
    def queueFromNode(self, node: Mapping[str, object], prefix: str) -> MinimalQueue: ...
    async def add(self, flow: Mapping[str, object], opts: Mapping[str, object] = ...) -> JobNode | None: ...
    async def addBulk(self, flows: Sequence[Mapping[str, object]]) -> list[JobNode] | None: ...
    async def close(self) -> None: ...
    async def disconnect(self) -> None: ...
