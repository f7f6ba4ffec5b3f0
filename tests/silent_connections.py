"""Connections that are opened and say no whole request."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from midday_worker.settings.http_address import HttpAddress
from tests.deadline import eventually


def is_closed(reader: asyncio.StreamReader) -> bool:
    """Say whether the server has closed the connection."""
    return reader.exception() is not None or reader.at_eof()


async def ended(readers: list[asyncio.StreamReader], at_least: int) -> None:
    """Wait until so many connections were closed."""

    async def closed() -> bool:
        return sum(map(is_closed, readers)) >= at_least

    await eventually(closed, f"{at_least} closed connections")


@asynccontextmanager
async def silent(
    where: HttpAddress, count: int, said: bytes = b"", *, side_by_side: int = 1
) -> AsyncGenerator[list[asyncio.StreamReader]]:
    """Open connections that say no whole request, so many at a time, and yield what they read."""
    opened: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []
    try:
        for _ in range(count // side_by_side):
            opening = [asyncio.open_connection(where.host, where.port) for _ in range(side_by_side)]
            opened += await asyncio.gather(*opening)
            for _, writer in opened[-side_by_side:]:
                writer.write(said)
        yield [reader for reader, _ in opened]
    finally:
        for _, writer in opened:
            writer.close()
