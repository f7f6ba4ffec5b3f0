"""Transactions and relays in processes of their own, which are killed: `killed.py DATABASE REDIS PREFIX COUNT`.

Prints a line of JSON: the numbers whose transactions have committed.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import Coroutine
from typing import Final, Never

from loguru import logger
from sqlalchemy.ext.asyncio import AsyncSession

from midday_worker import JobClient, JobContext, JobRegistry, Settings, job
from midday_worker.databases import create_database
from midday_worker.engine.producer.backend import Backend
from midday_worker.outbox import relay

POINTS: Final = ("before-commit", "after-commit", "before-add", "reply-lost", "before-mark", "before-its-commit")
TOGETHER: Final = 20
"""After so many a relay comes that is not killed."""

registry = JobRegistry()


@job("charge", queue="orders", registry=registry, remove_on_complete=True)
async def charge(data: int, ctx: JobContext) -> int:
    return data


class Killed:
    """What is done in processes that end as they are told to.

    Args:
        database_url: where the outbox is.
        settings: where Redis is.
    """

    def __init__(self, database_url: str, settings: Settings) -> None:
        self._database_url = database_url
        self._settings = settings

    async def write(self, number: int, point: str) -> None:
        """Trigger a job; every other transaction is rolled back."""
        database = create_database(self._database_url)
        async with JobClient(self._settings) as client, AsyncSession(database.engine()) as session:
            await charge.trigger(number, session=session, client=client)
            if point == "before-commit":
                die()
            await (session.rollback() if number % 2 else session.commit())
            if point == "after-commit":
                die()
        await database.dispose()

    async def relay(self, point: str | None = None) -> None:
        """Relay what is there."""
        if point is not None:
            _die_at(point)
        async with JobClient(self._settings) as client:
            one = relay.Relay(self._database_url, client)
            while await one.relay_some():
                pass
            await one.dispose()


def die() -> Never:
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("unreachable")


def _die_at(point: str) -> None:
    add, mark = Backend.add, relay.mark_rows

    async def before(*_: object) -> Never:
        die()

    async def added(*args: object) -> Never:
        await add(*args)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType] - as it was called
        die()

    async def marked(*args: object) -> Never:
        await mark(*args)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType] - as it was called
        die()

    match point:
        case "before-add":
            Backend.add = before  # type: ignore[method-assign, assignment]  # takes any arguments
        case "reply-lost":
            Backend.add = added  # type: ignore[method-assign, assignment]  # as above
        case "before-mark":
            relay.mark_rows = before  # type: ignore[assignment]  # as above
        case _:
            relay.mark_rows = marked  # type: ignore[assignment]  # as above


def forked(work: Coroutine[object, object, None], *, killed: bool) -> None:
    """Do something in a process of its own, and see it end as expected."""
    child = os.fork()
    if not child:
        asyncio.run(work)
        os._exit(0)
    work.close()
    _, status = os.waitpid(child, 0)
    assert status == (signal.SIGKILL if killed else 0), status


def main(database_url: str, redis_url: str, prefix: str, count: int) -> list[int]:
    """Let so many end at each point; return the numbers whose transactions have committed."""
    settings = Settings(env_file=None, redis_url=redis_url, redis_prefix=prefix)
    killed, committed = Killed(database_url, settings), list[int]()
    numbers = iter(range(len(POINTS) * count))
    for point in POINTS:
        is_writer = point in ("before-commit", "after-commit")
        for turn, number in zip(range(1, count + 1), numbers, strict=False):
            forked(killed.write(number, point), killed=is_writer)
            if point != "before-commit" and number % 2 == 0:
                committed.append(number)
                if not is_writer:
                    forked(killed.relay(point), killed=True)
            if turn in (count, TOGETHER):
                forked(killed.relay(), killed=False)
    return committed


if __name__ == "__main__":
    logger.remove()
    database_url, redis_url, prefix, often = sys.argv[1:]
    sys.stdout.write(json.dumps(main(database_url, redis_url, prefix, int(often))))
