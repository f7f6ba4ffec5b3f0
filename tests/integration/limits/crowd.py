"""A Python worker of the limited queue in a process of its own, to be killed: python -m ... REDIS_URL PREFIX.

Its handler asks Redis, in one script, how many handlers of its team run whose job's lock is still theirs.
"""

from __future__ import annotations

import asyncio
import sys
from typing import Final

from loguru import logger
from pydantic import BaseModel, Field
from redis.asyncio import Redis

from midday_worker import JobContext, JobDefinition, JobRegistry, PerKey, QueueRegistry, RateLimit, Settings, job, queue
from midday_worker.engine.redis.connection import RedisConfig, connect
from midday_worker.engine.worker.config import WorkerConfig
from tests.integration.crew import Crew

PLACES: Final = 2
RATE: Final = 20
WINDOW_MS: Final = 1_000
LOCK_MS: Final = 1_500
LIMITS: Final = (PerKey("teamId", concurrency=PLACES), PerKey("providerId", rate=RateLimit(RATE, WINDOW_MS)))
TAKES_S: Final = 0.01

BEGIN: Final = """
local team, id, token, P = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
redis.call("HSET", KEYS[1] .. team, id, token)
local running, stored = 0, redis.call("HGETALL", KEYS[1] .. team)
for i = 1, #stored, 2 do
  if redis.call("GET", P .. stored[i] .. ":lock") == stored[i + 1] then
    running = running + 1
  else
    redis.call("HDEL", KEYS[1] .. team, stored[i])
  end
end
redis.call("HINCRBY", KEYS[2], team .. ":" .. running, 1)
local at = redis.call("TIME")
redis.call("RPUSH", KEYS[3], team .. " " .. at[1] * 1000 + math.floor(at[2] / 1000) .. " " .. id)
"""


class Export(BaseModel):
    team: str = Field(alias="teamId")
    provider: str | None = Field(default=None, alias="providerId")


def keys_of(prefix: str) -> list[str]:
    """Who runs, how many ran at once how often, and every start."""
    return [f"{prefix}-running:", f"{prefix}-counts", f"{prefix}-starts"]


def define(redis: Redis, prefix: str) -> tuple[JobRegistry, JobDefinition[Export, None]]:
    """Return the job, in a registry of its own."""
    registry = JobRegistry(QueueRegistry())
    begin = redis.register_script(BEGIN)
    keys = keys_of(prefix)

    async def handle(data: Export, ctx: JobContext) -> None:
        await begin(keys=keys, args=[data.team, ctx.job.id, ctx.job.token or "", f"{prefix}:exports:"])
        await asyncio.sleep(TAKES_S)
        await redis.hdel(keys[0] + data.team, ctx.job.id)

    limited = queue("exports", limits=LIMITS, registry=registry.queues)
    return registry, job("export", Export, handle, queue=limited, registry=registry, remove_on_complete=True)


async def main(url: str, prefix: str) -> None:
    """Work until killed."""
    logger.remove()  # a line for each job would cost more than the job
    settings = Settings(env_file=None, redis_url=url, redis_prefix=prefix)
    async with connect(RedisConfig(url, prefix)) as redis:
        registry, _ = define(redis, prefix)
        config = WorkerConfig(
            queue="exports",
            concurrency=10,
            lock_duration_ms=LOCK_MS,
            stalled_interval_ms=LOCK_MS // 2,
            max_stalled_count=1_000,
            limits=tuple(limit.wire for limit in LIMITS),
        )
        async with Crew(registry, settings, configs=(config,)):
            print("ready", flush=True)  # noqa: T201 - the test waits for it
            await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2]))
