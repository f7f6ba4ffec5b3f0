"""The Python side of the conformance tests: a job that does what its payload says, as driver.mjs does in Node."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Final, cast

from redis.asyncio import Redis
from redis.exceptions import TimeoutError as RedisTimeoutError

from midday_worker import JobContext, JobDefinition, JobRegistry, NonRetryableError, job
from midday_worker.errors import MiddayWorkerError

Act = Mapping[str, object]

NAME: Final = "act"


class PlannedFailure(MiddayWorkerError):
    """What an act raises that shall fail."""


class Actor:
    """Acts, and writes each run into a ledger in Redis that Node's worker writes into too."""

    def __init__(self, redis: Redis, prefix: str) -> None:
        self._redis = redis
        self._prefix = prefix

    def define(self, registry: JobRegistry, queue: str) -> JobDefinition[object, object]:
        """Register the job `act`, with BullMQ's defaults instead of the library's."""
        return job(
            NAME,
            object,
            self.act,
            queue=queue,
            registry=registry,
            attempts=1,
            backoff=0,
            remove_on_complete=False,
            remove_on_fail=False,
        )

    async def act(self, data: object, ctx: JobContext) -> object:
        """Do what the payload says; a payload that says nothing is the result."""
        payload = _spoken(data)
        made = ctx.job.attemptsMade + 1
        run = {"tag": payload.get("tag"), "job": ctx.job.id, "attempt": made, "by": "python"}
        await self._note("ledger", run)
        if ms := cast("int", payload.get("ms", 0)):
            await asyncio.sleep(ms / 1000)  # a handler that takes its time
        deed = ACTS.get(str(payload.get("do")))
        result = data if deed is None else await deed(self, payload, ctx)
        await self._note("ended", run)
        return result

    async def wait_for_gate(self) -> None:
        """Wait until the test opens the gate."""
        gate = f"{self._prefix}:gate"
        while True:
            try:
                if await self._redis.blmove(gate, gate, 1, "LEFT", "RIGHT") is not None:
                    return
            except RedisTimeoutError:
                continue

    async def _note(self, book: str, run: Mapping[str, object]) -> None:
        entry = json.dumps({**run, "at": round(time.time() * 1000)})
        await self._redis.rpush(f"{self._prefix}:{book}", entry)


def _spoken(data: object) -> Act:
    return cast("Act", data) if isinstance(data, Mapping) else {}


async def _value(actor: Actor, act: Act, ctx: JobContext) -> object:
    return act.get("value")


async def _fail(actor: Actor, act: Act, ctx: JobContext) -> object:
    raise PlannedFailure(str(act["message"]))


async def _final(actor: Actor, act: Act, ctx: JobContext) -> object:
    raise NonRetryableError(str(act["message"]))


async def _flaky(actor: Actor, act: Act, ctx: JobContext) -> object:
    made = ctx.job.attemptsMade + 1
    if made < cast("int", act["until"]):
        raise PlannedFailure(str(act["message"]))
    return made


async def _progress(actor: Actor, act: Act, ctx: JobContext) -> object:
    for step in cast("list[float | dict[str, object]]", act["steps"]):
        await ctx.update_progress(step)
    return None


async def _log(actor: Actor, act: Act, ctx: JobContext) -> object:
    for line in cast("list[str]", act["lines"]):
        await ctx.log(line)
    return None


async def _children(actor: Actor, act: Act, ctx: JobContext) -> object:
    values = sorted((await ctx.children_values()).values(), key=json.dumps)
    return {"values": values, "ignored": sorted((await ctx.job.getIgnoredChildrenFailures()).values())}


async def _hold(actor: Actor, act: Act, ctx: JobContext) -> object:
    await actor.wait_for_gate()
    return None


ACTS: Final[Mapping[str, Callable[[Actor, Act, JobContext], Awaitable[object]]]] = {
    "value": _value,
    "fail": _fail,
    "final": _final,
    "flaky": _flaky,
    "progress": _progress,
    "log": _log,
    "children": _children,
    "hold": _hold,
}
