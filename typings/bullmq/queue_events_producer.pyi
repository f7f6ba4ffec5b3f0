from collections.abc import Mapping

from bullmq.redis_connection import RedisConnection
from bullmq.types import QueueEventsProducerOptions
from redis.asyncio import Redis

class QueueEventsProducer:
    name: str
    opts: QueueEventsProducerOptions
    prefix: str
    redisConnection: RedisConnection
    client: Redis
    keys: dict[str, str]
    qualifiedName: str
    closing: bool
    def __init__(self, name: str, opts: QueueEventsProducerOptions | None = None) -> None: ...
    async def publishEvent(self, args: Mapping[str, object], maxEvents: int = 1000) -> None: ...
    async def close(self) -> None: ...
