"""``midday-worker health``: for a container's check."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import typer

from midday_worker.cli.heartbeat_summary import summarize_heartbeats
from midday_worker.cli.loading import settings_with
from midday_worker.cli.output import say, say_json
from midday_worker.client.client import redis_config
from midday_worker.database import create_database
from midday_worker.engine.inspection.health import heartbeats, ping
from midday_worker.engine.redis.connection import Connection, connect
from midday_worker.settings.settings import Settings


def check_health(*, as_json: bool) -> None:
    """Write what is well and what isn't; exit with 1 if anything isn't."""
    results = asyncio.run(_check(settings_with()))
    well = all(ok for ok, _ in results.values())
    if as_json:
        checks = {name: {"ok": ok, "detail": detail} for name, (ok, detail) in results.items()}
        say_json({"ok": well, **checks})
    else:
        for name, (ok, detail) in results.items():
            say(f"{'ok  ' if ok else 'FAIL'} {name}: {detail}")
    if not well:
        raise typer.Exit(1)


async def _check(settings: Settings) -> dict[str, tuple[bool, str]]:
    config = redis_config(settings)
    connection = Connection(connect(config))

    async def redis() -> str:
        return f"version {await ping(connection)}"

    async def worker() -> str:
        return summarize_heartbeats(await heartbeats(connection, config.prefix))

    try:
        return {
            "redis": await _try(redis),
            "database": await _try(lambda: _database(settings)),
            "worker": await _try(worker),
        }
    finally:
        await connection.close()


async def _database(settings: Settings) -> str:
    if settings.database_primary_url is None:
        return "not configured"
    database = create_database(settings.database_primary_url.get_secret_value())
    try:
        await database.ping(settings.redis_command_timeout)
    finally:
        await database.dispose()
    return "answers"


async def _try(check: Callable[[], Awaitable[str]]) -> tuple[bool, str]:
    try:
        return True, await check()
    except Exception as error:  # a health check reports whatever goes wrong
        return False, " ".join(str(error).split()) or type(error).__name__
