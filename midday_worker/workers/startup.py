"""Waiting for Redis at start-up, and the banner."""

from __future__ import annotations

import asyncio
import math
import time
from contextlib import suppress

from loguru import logger

from midday_worker.admin.server_checks import clock_skew, judge_clock
from midday_worker.definition.registry import JobRegistry
from midday_worker.engine.redis.connection import Connection
from midday_worker.engine.redis.pause import pause
from midday_worker.engine.redis.server import KEEPS_ALL, OLDEST_VERSION, Server, inspect
from midday_worker.errors import ConfigurationError, RedisRefusedError, RedisUnavailableError
from midday_worker.settings.settings import Settings, redact_url
from midday_worker.workers.plan import Plan


async def wait_for_redis(connection: Connection, settings: Settings, stop: asyncio.Event) -> str:
    """Return the server's version once Redis answers; "" when `stop` is set first.

    Raises:
        ConfigurationError: it didn't within the start-up timeout, is too old, a Sentinel or a cluster's node.
        RedisRefusedError: it answered, and refused: a wrong password, a bad certificate. At once.
    """
    started, failures = time.monotonic(), 0
    limit_s = settings.startup_timeout / 1000
    where = redact_url(settings.redis_url.get_secret_value())
    while not stop.is_set():
        try:
            server = await inspect(connection)
            await connection.getRedisVersion()
            _check(server, where)
            await _check_clock(connection)
            return server.shown
        except RedisUnavailableError as error:
            if limit_s and time.monotonic() - started > limit_s:
                raise ConfigurationError(
                    f"Redis at {where} did not answer within {limit_s:g} s. Is it running, and is REDIS_URL right? "
                    "(--startup-timeout 0 waits for ever.)"
                ) from error
            if not failures:
                until = f"up to {limit_s:g} s" if limit_s else "for ever"
                logger.warning(
                    "Redis at {where} does not answer yet; trying {until}: {error}",
                    **{"where": where, "until": until, "error": error.__cause__},
                )
            failures += 1
            await pause(failures, stop, started + limit_s if limit_s else math.inf)
    return ""


def _check(server: Server, where: str) -> None:
    if (unfit := server.unfit()) is not None:
        raise ConfigurationError(f"Redis at {where} {unfit}")
    if server.too_old:
        raise ConfigurationError(
            f"Redis at {where} is version {server.version}; BullMQ's scripts need {OLDEST_VERSION} or newer."
        )
    if server.may_drop_jobs:
        logger.warning(
            "Redis at {where} has the eviction policy {policy}: when its memory is full it drops keys, and jobs with "
            "them. Set maxmemory-policy {good}.",
            where=where,
            policy=server.eviction_policy,
            good=KEEPS_ALL,
        )
    if server.read_only:
        logger.error(
            "Redis at {where} is a read-only replica: no job can be fetched until it is made the primary. "
            "REDIS_URL must name the primary.",
            where=where,
        )


async def _check_clock(connection: Connection) -> None:
    """Warn if this machine's clock is off: BullMQ takes the time from its clients."""
    with suppress(RedisRefusedError):  # without the right to ask
        found = judge_clock(await clock_skew(connection))
        if found.grade != "ok":
            logger.warning("{text}; {fix}", text=found.text, fix=found.fix)


def banner(plan: Plan, registry: JobRegistry, settings: Settings, redis_version: str) -> str:
    """Return what is said at start-up: environment, servers (passwords hidden), queues, and every job."""
    database = settings.database_primary_url
    lines = [
        "midday-worker",
        f"  environment  {settings.environment}",
        f"  redis        {redact_url(settings.redis_url.get_secret_value())} ({redis_version})",
        f"  database     {redact_url(database.get_secret_value()) if database else 'not configured'}",
    ]
    if settings.processes > 1:
        lines.append(f"  processes    {settings.processes}")
    for config in plan.queues:
        limit = f", at most {config.rate_limit[0]} per {config.rate_limit[1]} ms" if config.rate_limit else ""
        own = f", prefix {config.prefix}" if config.prefix else ""
        lines.append(f"  queue        {config.queue} (concurrency {config.concurrency}{limit}{own})")
        lines.extend(
            f"    job        {definition.id} (attempts {definition.options.attempts})"
            for definition in registry.handled(config.queue)
        )
        lines.extend(f"    elsewhere  {definition.id}" for definition in registry.declared(config.queue))
    return "\n".join(lines)
