"""Context variables: what one job's handler or hooks set is seen by no other job."""

from __future__ import annotations

import decimal
from collections.abc import Sequence
from contextvars import ContextVar

import pytest

from midday_worker import (
    BatchContext,
    BatchOptions,
    JobClient,
    JobContext,
    JobDefinition,
    JobEvent,
    JobRegistry,
    Settings,
    SyncJobContext,
    job,
)
from midday_worker.engine.worker.config import WorkerConfig
from tests.integration.crew import Crew
from tests.integration.processes import process_jobs

TENANT: ContextVar[str] = ContextVar("tenant", default="nobody")
HOOKED: ContextVar[str] = ContextVar("hooked", default="nothing")


def seen_and_set(name: str) -> str:
    """Say what is found, and leave something else behind."""
    seen = f"{TENANT.get()} {HOOKED.get()} {decimal.getcontext().prec}"
    TENANT.set(name)
    decimal.getcontext().prec = 3
    return seen


def defined(kind: str, registry: JobRegistry) -> JobDefinition[str, str]:
    async def on_the_loop(data: str, ctx: JobContext) -> str:
        return seen_and_set(data)

    def in_a_thread(data: str, ctx: SyncJobContext) -> str:
        return seen_and_set(data)

    async def in_a_batch(data: list[str], ctx: BatchContext) -> Sequence[str | Exception]:
        return [seen_and_set(data[0])] * len(data)

    if kind == "batch":
        return job("settle", batch=BatchOptions(max_size=2, max_wait="1s"), registry=registry)(in_a_batch)
    if kind == "thread":
        return job("settle", str, in_a_thread, registry=registry)
    return job("settle", str, on_the_loop, registry=registry)


@pytest.mark.parametrize("kind", ["loop", "thread", "batch"])
async def test_what_one_job_sets_is_seen_by_no_other(
    client: JobClient, registry: JobRegistry, settings: Settings, kind: str
) -> None:
    settle = defined(kind, registry)

    @registry.hooks.on_start
    async def hook(event: JobEvent[object, object]) -> None:
        HOOKED.set(f"{HOOKED.get()}+{event.payload}")

    handles = await settle.batch_trigger([{"payload": name} for name in "abcd"], client=client)
    config = WorkerConfig(queue="default", concurrency=2 if kind == "batch" else 1)
    with decimal.localcontext() as own:  # the worker's, which handlers share with nobody
        own.prec = 50
        TENANT.set("worker")
        async with Crew(registry, settings, configs=(config,)):
            seen = [await handle.result("20s") for handle in handles]
        assert decimal.getcontext().prec == 50
    if kind == "batch":  # it is nobody's alone
        assert seen == ["worker nothing 50"] * 4
    else:
        assert seen == [f"worker nothing+{name} 50" for name in "abcd"]


async def test_what_one_job_sets_in_a_process_is_seen_by_no_other(client: JobClient, settings: Settings) -> None:
    handles = await process_jobs.settle.batch_trigger([{"payload": name} for name in "abc"], client=client)
    async with Crew(process_jobs.registry, settings, configs=(WorkerConfig(queue="sums", concurrency=1),)):
        assert [await handle.result("20s") for handle in handles] == ["imported 28"] * 3
