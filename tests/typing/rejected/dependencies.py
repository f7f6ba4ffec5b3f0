"""Handlers with dependencies that a type checker must refuse: each marked line, and no other. Never run."""

from __future__ import annotations

from typing import Annotated

from midday_worker import BatchContext, BatchOptions, Depends, JobContext, JobRegistry, SyncJobContext, job
from midday_worker.testing import override


async def number() -> int:
    return 1


Number = Annotated[int, Depends(number)]


@job("right")
async def right(data: str, ctx: JobContext, one: Number, *, other: Number) -> int:
    return one + other


@job("plain")
def plain(data: str, ctx: SyncJobContext, one: Number) -> int:
    return one


@job("batch", batch=BatchOptions(max_size=2))
async def batch(data: list[str], ctx: BatchContext, one: Number) -> list[int | Exception]:
    return [one]


function = job("function", str, right.handler)


@job("context")  # error: a plain function has another context
def context(data: str, ctx: JobContext, one: Number) -> int:
    return one


@job("none")  # error: there is no context
async def none(one: Number) -> int:
    return one


async def uses() -> None:
    await right.trigger(5)  # error: another payload
    Depends(5)  # error: nothing to call
    Depends(number, scope="forever")  # error: no such scope
    with override("number", 5):  # error: nothing to call
        pass


registry = JobRegistry()
