"""The jobs that are measured; each is defined and used by public names only, so that what is inside may move."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Final

import midday_worker
from midday_worker import JobContext, Payload, job
from tests.structure.way import Way, WayRecorder

QUEUE: Final = "structure"
PACKAGE: Final = Path(midday_worker.__file__).parent
WARM: Final = 5

REST_S: Final = 0.05
"""After a job's result: until then the worker has heard that the job is over, and waits for another one."""


class Item(Payload):
    """A small payload."""

    number: int
    text: str = "hello"


class Done(Payload):
    """A small result."""

    number: int


@job("measured", queue=QUEUE)
async def nothing(data: Item, ctx: JobContext) -> Done:
    """Return what was given."""
    return Done(number=data.number)


@job("failing", queue=QUEUE, attempts=2, backoff=10)
async def failing(data: Item, ctx: JobContext) -> None:
    """Fail each time."""
    raise RuntimeError("on purpose")


@job("parent", queue=QUEUE)
async def parent(data: Item, ctx: JobContext) -> Done:
    """Say how far it is and add up what its children returned."""
    await ctx.update_progress(50)
    await ctx.log("half")
    return Done(number=sum([child.number for child in await ctx.children_results(nothing)]))


@job("walk", queue=QUEUE)
async def walk(data: int, ctx: JobContext) -> list[Way]:
    """Trigger the job that does nothing, in the worker's own process and event loop, so often, and note its ways."""
    ways: list[Way] = []
    for number in range(WARM + data):
        recorder = WayRecorder(PACKAGE)
        with recorder:
            await (await nothing.trigger(Item(number=number))).result("30s")
            await asyncio.sleep(REST_S)
        ways.append(recorder.way)
    return ways[WARM:]
