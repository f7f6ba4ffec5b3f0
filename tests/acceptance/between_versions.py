"""What a producer and a worker of any version run: jobs of every kind, and who ran them.

A worker imports it, with LEDGER and VERSION in its environment, and HOLDS in that of one that is to be replaced.
`python between_versions.py add` adds jobs and prints their ids; with `finish IDS` it waits for them and says
what they came to.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from datetime import timedelta
from pathlib import Path

from midday_worker import JobClient, JobContext, JobFailedError, Payload, RetryAfter, job


class Order(Payload):
    """An order."""

    order_id: str
    items: list[int]


class Total(Payload):
    """What it comes to."""

    total: int


def note(ctx: JobContext) -> None:
    """Write down that an attempt begins."""
    with Path(os.environ["LEDGER"]).open("a") as ledger:
        ledger.write(f"{json.dumps([ctx.job.id, ctx.job.attemptsMade, os.environ['VERSION']])}\n")


@job("at-once", queue="orders", attempts=3)
async def at_once(data: Order, ctx: JobContext) -> Total:
    """Sum an order."""
    note(ctx)
    await ctx.update_progress({"of": len(data.items)})
    await ctx.log("summed")
    return Total(total=sum(data.items))


@job("tried-again", queue="orders", attempts=3, backoff="4s")
async def tried_again(data: Order, ctx: JobContext) -> Total:
    """Fail once."""
    note(ctx)
    if not ctx.job.attemptsMade:
        raise LookupError("not yet")
    return Total(total=sum(data.items))


@job("told-when", queue="orders", attempts=3)
async def told_when(data: Order, ctx: JobContext) -> Total:
    """Say itself when it is to be tried again."""
    note(ctx)
    if not ctx.job.attemptsMade:
        raise RetryAfter("4s")
    return Total(total=sum(data.items))


@job("handed-back", queue="long", attempts=1)
async def handed_back(data: Order, ctx: JobContext) -> Total:
    """Hold the worker that is replaced."""
    note(ctx)
    if "HOLDS" in os.environ:
        await asyncio.Event().wait()
    return Total(total=sum(data.items))


@job("all-of-it", queue="orders", attempts=2)
async def all_of_it(data: Order, ctx: JobContext) -> Total:
    """Sum what three kinds of children found."""
    note(ctx)
    kinds = (at_once, tried_again, handed_back)
    parts = [part for kind in kinds for part in await ctx.children_results(kind)]
    return Total(total=sum(data.items) + sum(part.total for part in parts))


@job("cancelled", queue="long", attempts=3)
async def cancelled(data: Order, ctx: JobContext) -> None:
    """Run until it is cancelled."""
    note(ctx)
    await asyncio.Event().wait()


@job("too-long", queue="long", attempts=1)
async def too_long(data: Order, ctx: JobContext) -> None:
    """Run until its time is over."""
    note(ctx)
    await asyncio.Event().wait()


@job("each-second", queue="orders")
async def each_second(data: Order, ctx: JobContext) -> None:
    """Note that it ran."""
    note(ctx)


DEFINITIONS = {
    definition.id: definition
    for definition in (at_once, tried_again, told_when, all_of_it, handed_back, cancelled, too_long)
}


async def add() -> list[tuple[str, str]]:
    """Add jobs of every kind, and return each one's definition and id."""
    order = Order(order_id="ö/1", items=[1, 2])
    later = timedelta(seconds=3)
    gone = handed_back.node(order, remove_on_complete=True)  # what it was is then in its parent alone
    children = [at_once.node(order, delay=later), tried_again.node(order), gone]
    await each_second.trigger_recurring(order, every="1s", schedule_id="clock")
    handles = [
        await at_once.trigger(order),
        *await at_once.batch_trigger([{"payload": order}, {"payload": order, "options": {"delay": later}}]),
        await at_once.trigger(order, deduplication={"id": "one"}, priority=3, timeout="1m", deadline="10m"),
        await at_once.trigger_delayed(order, later),
    ]
    return [
        *(("at-once", handle.id) for handle in handles),
        ("tried-again", (await tried_again.trigger(order)).id),
        ("told-when", (await told_when.trigger(order)).id),
        ("all-of-it", (await all_of_it.trigger_flow(order, children=children)).id),
        ("handed-back", (await handed_back.trigger(order)).id),
        ("too-long", (await too_long.trigger(order, timeout="8s")).id),
        ("cancelled", (await cancelled.trigger(order)).id),
    ]


async def finish(added: list[tuple[str, str]]) -> list[tuple[str, object]]:
    """Cancel what runs until then, wait for all, and return what each came to, in this order."""
    ends: list[tuple[str, object]] = []
    for name, job_id in added:
        handle = DEFINITIONS[name].handle(job_id)
        if name == "cancelled":
            await handle.cancel("no longer wanted")
        try:
            result = await handle.result("60s")
        except JobFailedError as error:
            ends.append((name, error.reason.partition(";")[0]))
        else:
            ends.append((name, result.total if isinstance(result, Total) else None))
    return ends


async def main() -> None:
    """Do one of the two."""
    async with JobClient():
        said = await (add() if sys.argv[1] == "add" else finish(json.loads(sys.argv[2])))
    sys.stdout.write(json.dumps(said))


if __name__ == "__main__":
    asyncio.run(main())
