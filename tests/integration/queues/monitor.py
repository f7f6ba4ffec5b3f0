"""What Redis is asked, by whomever."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from uuid import uuid4

from redis.asyncio import Redis


@asynccontextmanager
async def monitored(redis: Redis) -> AsyncGenerator[list[str]]:
    """Yield a list that every command comes into; it is whole after the block."""
    commands: list[str] = []
    last = uuid4().hex
    async with redis.monitor() as monitor:

        async def read() -> None:
            while last not in (commands or [""])[-1]:
                commands.append(str((await monitor.next_command())["command"]))

        reading = asyncio.create_task(read())
        yield commands
        await redis.echo(last)  # pyright: ignore[reportUnknownMemberType] - redis-py's **kwargs are untyped
        async with asyncio.timeout(60):
            await reading
