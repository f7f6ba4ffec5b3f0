"""``midday-worker health``: for a container's check."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from itertools import groupby
from typing import Final

import typer

from midday_worker.cli.failure import one_line_errors
from midday_worker.cli.loading import settings_with
from midday_worker.cli.output import AsJson, say, say_json
from midday_worker.client.client import redis_config
from midday_worker.databases import create_database
from midday_worker.engine.inspection.health import STALE_S, Heartbeat, heartbeats, ping
from midday_worker.engine.redis.connections import Connections
from midday_worker.errors import MiddayWorkerError
from midday_worker.settings.settings import Settings

app: Final = typer.Typer(add_completion=False)


@app.command()
@one_line_errors
def health(as_json: AsJson = False) -> None:
    """Check Redis, the database, and the worker on this host; the exit code says it."""
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
    connections = Connections(config)
    connection = connections.of()

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
        await connections.close()


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


def summarize_heartbeats(beats: Sequence[Heartbeat]) -> str:
    """Return what the fresh heartbeats say, each service of several processes counted as one.

    Raises:
        MiddayWorkerError: there are none, one says that its worker isn't ready, or a process of a service has none.
    """
    if not beats:
        raise MiddayWorkerError("no worker on this host has sent a heartbeat; start one with: midday-worker run")
    # A stale one may be that of a process that was killed, beside its successor's.
    fresh = [beat for beat in beats if beat.age_s <= STALE_S]
    if troubled := [beat for beat in fresh or beats if beat.trouble is not None]:
        raise MiddayWorkerError(", ".join(f"pid {beat.pid} is not ready: {beat.trouble}" for beat in troubled))
    ordered = sorted(fresh, key=lambda beat: (beat.supervisor or 0, beat.process))
    services = groupby(ordered, key=lambda beat: beat.supervisor)
    return ", ".join(_service(supervisor, list(members)) for supervisor, members in services)


def _service(supervisor: int | None, beats: list[Heartbeat]) -> str:
    workers = ", ".join(f"pid {beat.pid} on {', '.join(beat.queues)}, {beat.age_s:.0f} s ago" for beat in beats)
    if supervisor is None:
        return workers
    # By their numbers: the heartbeat of one that crashed stays for a while beside that of its successor.
    count, alive = beats[0].processes, {beat.process for beat in beats}
    counted = f"{len(alive)} of {count} processes of pid {supervisor}"
    if missing := [str(index) for index in range(1, count + 1) if index not in alive]:
        raise MiddayWorkerError(f"{counted} have a heartbeat; without one: {', '.join(missing)}")
    return f"{counted}: {workers}"
