"""A Python worker in a process of its own, to be killed: python -m ... REDIS_URL PREFIX LOCK_MS."""

from __future__ import annotations

import asyncio
import sys

from midday_worker import JobRegistry, Settings
from midday_worker.engine.redis.connection import RedisConfig, connect
from midday_worker.engine.worker.config import WorkerConfig
from tests.integration.conformance.actor import Actor
from tests.integration.conformance.bridge import QUEUE
from tests.integration.crew import Crew


async def main(url: str, prefix: str, lock_ms: int) -> None:
    """Work until killed."""
    settings = Settings(env_file=None, redis_url=url, redis_prefix=prefix)
    registry = JobRegistry()
    async with connect(RedisConfig(url, prefix)) as redis:
        Actor(redis, prefix).define(registry, QUEUE)
        config = WorkerConfig(queue=QUEUE, concurrency=1, lock_duration_ms=lock_ms, stalled_interval_ms=lock_ms)
        async with Crew(registry, settings, configs=(config,)):
            await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
