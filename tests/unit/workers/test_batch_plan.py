"""A queue with batch handlers runs at least as many jobs at once as their batches hold."""

from __future__ import annotations

import pytest

from midday_worker import (
    BatchContext,
    BatchOptions,
    ConfigurationError,
    JobContext,
    JobRegistry,
    QueueRegistry,
    job,
    queue,
)
from midday_worker.workers.plan import make_plan


async def handle(data: list[int], ctx: BatchContext) -> list[int]:
    return data


async def handle_one(data: int, ctx: JobContext) -> int:
    return data


@pytest.fixture
def registry() -> JobRegistry:
    return JobRegistry(QueueRegistry())


@pytest.mark.parametrize(("concurrency", "planned"), [(5, 40), (60, 60)])
def test_a_queue_without_a_concurrency_gets_at_least_its_largest_batch(
    registry: JobRegistry, concurrency: int, planned: int
) -> None:
    job("small", int, handle, batch=BatchOptions(max_size=20), queue="readings", registry=registry)
    job("large", int, handle, batch=BatchOptions(max_size=40), queue="readings", registry=registry)
    job("plain", int, handle_one, queue="readings", registry=registry)
    job("elsewhere", int, handle_one, queue="mail", registry=registry)

    mail, readings = make_plan(registry, concurrency=concurrency).queues

    assert (mail.queue, mail.concurrency) == ("mail", concurrency)
    assert (readings.queue, readings.concurrency) == ("readings", planned)


def test_a_queue_with_a_concurrency_that_suffices_keeps_it(registry: JobRegistry) -> None:
    readings = queue("readings", concurrency=50, registry=registry.queues)
    job("large", int, handle, batch=BatchOptions(max_size=40), queue=readings, registry=registry)

    assert [config.concurrency for config in make_plan(registry).queues] == [50]


def test_a_queue_with_a_smaller_concurrency_is_refused_at_the_start(registry: JobRegistry) -> None:
    readings = queue("readings", concurrency=39, registry=registry.queues)
    job("large", int, handle, batch=BatchOptions(max_size=40), queue=readings, registry=registry)

    with pytest.raises(
        ConfigurationError,
        match=r"'large' \(.*test_batch_plan\.py:\d+\) .* up to 40, .*'readings' .*concurrency=39",
    ):
        make_plan(registry)
