from asyncio import Future

from bullmq.event_emitter import EventEmitter
from bullmq.redis_connection import RedisConnection
from bullmq.types import QueueEventsOptions
from redis.asyncio import Redis

class QueueEvents(EventEmitter):
    name: str
    opts: QueueEventsOptions
    prefix: str
    redisConnection: RedisConnection
    client: Redis
    keys: dict[str, str]
    qualifiedName: str
    running: bool
    closing: bool
    closed: bool
    _consumer_task: Future[None] | None
    def __init__(self, name: str, opts: QueueEventsOptions | None = None) -> None: ...
    async def run(self) -> None: ...
    def _dispatch_entry(self, entry_id: str, args: dict[str, object]) -> None: ...
    async def close(self) -> None: ...
