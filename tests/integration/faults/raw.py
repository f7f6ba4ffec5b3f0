"""`Raw`: the stock port, as its README shows it."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime
from typing import Final, cast

import bullmq
from bullmq.types import QueueBaseOptions, QueueEventsOptions

from tests.integration.faults.engine import JOB, QUEUE, Handler, Refused, Terms

CLEAN_UP_TRIES: Final = 10
NAMES: Final = {"start": "startDate", "start_ms": "startDate"}


class RawWork:
    """A stock worker."""

    def __init__(self, worker: bullmq.Worker) -> None:
        self._worker = worker

    async def stop(self, within_s: float = 30) -> None:
        """Close it, as far as it lets itself be given a time limit."""
        async with asyncio.timeout(within_s):
            await self._worker.close()

    async def force(self) -> None:
        """Close it by force."""
        await self._worker.close(force=True)

    def listen(self, event: str, listener: Callable[..., object]) -> None:
        """Add a listener."""
        self._worker.on(event, listener)


class Raw:
    """Stock queues, flow producers and workers."""

    def __init__(self, url: str, prefix: str) -> None:
        self._options: QueueBaseOptions = {"connection": url, "prefix": prefix}
        self._queues: dict[str, bullmq.Queue] = {}

    async def add(self, data: object, *, queue: str = QUEUE, **options: object) -> str:
        """Add a job."""
        with refusals():
            return (await self._queue(queue).add(JOB, data, camel(options))).id

    async def add_many(self, data: Sequence[object], **options: object) -> list[str]:
        """Add a bulk."""
        with refusals():
            jobs = await self._queue().addBulk([{"name": JOB, "data": each, "opts": camel(options)} for each in data])
        return [job.id for job in jobs]

    async def add_flow(self, parent_id: str, children: Sequence[tuple[str, int]]) -> None:
        """Add a flow."""
        producer = bullmq.FlowProducer(None, self._options)
        with refusals():
            await producer.add(tree(parent_id, children))
        await producer.close()

    async def add_flows(self, flows: Sequence[tuple[str, Sequence[tuple[str, int]]]]) -> None:
        """Add a bulk of flows."""
        producer = bullmq.FlowProducer(None, self._options)
        with refusals():
            await producer.addBulk([tree(parent_id, children) for parent_id, children in flows])
        await producer.close()

    async def remove_waiting(self) -> None:
        """Clean the queue, by the name that it gives this state."""
        await self._queue().clean(0, 100, "waiting")

    def listen(self, event: str, listener: Callable[..., object]) -> None:
        """Add a listener to the queue."""
        with refusals():
            self._queue().on(event, listener)

    @asynccontextmanager
    async def following(self, job_ids: Sequence[str], listener: Callable[[str], object]) -> AsyncGenerator[None]:
        """Listen to the queue's events, from the first one on."""
        options = cast("QueueEventsOptions", {**self._options, "lastEventId": "0"})
        events = bullmq.QueueEvents(QUEUE, options)

        events.on("completed", listener_of(listener))
        yield
        await events.close()

    async def state(self, job_id: str) -> str:
        """Ask the queue."""
        return await self._queue().getJobState(job_id)

    async def waiting(self) -> list[str]:
        """Ask the queue."""
        return [job.id for job in await self._queue().getJobs(["waiting"])]

    async def schedule(self, schedule_id: str, **when: object) -> None:
        """Make a job scheduler."""
        repeat = {NAMES.get(name, name): value for name, value in when.items()}
        with refusals():
            await self._queue().upsertJobScheduler(schedule_id, repeat, JOB, "tick")

    async def next_run(self, schedule_id: str) -> datetime | None:
        """Ask the queue."""
        stored = await self._queue().getJobScheduler(schedule_id)
        at = stored.get("next") if stored else None
        return None if at is None else datetime.fromtimestamp(at / 1000, UTC)

    @asynccontextmanager
    async def working(self, handler: Handler, terms: Terms = Terms()) -> AsyncGenerator[RawWork]:  # noqa: B008 - frozen
        """Work the queue with a stock worker."""
        options: dict[str, object] = {**self._options, "concurrency": terms.concurrency}
        if terms.lock_ms is not None:
            options |= {"lockDuration": terms.lock_ms, "stalledInterval": terms.lock_ms // 3}
        if terms.limit is not None:
            options["limiter"] = {"max": terms.limit[0], "duration": terms.limit[1]}
        worker = bullmq.Worker(terms.queue, as_processor(handler), options)
        try:
            yield RawWork(worker)
        finally:
            await clean_up(worker)

    async def close(self) -> None:
        """Close the queues."""
        for queue in self._queues.values():
            await queue.close()

    def _queue(self, name: str = QUEUE) -> bullmq.Queue:
        if name not in self._queues:
            self._queues[name] = bullmq.Queue(name, self._options)
        return self._queues[name]


def tree(parent_id: str, children: Sequence[tuple[str, int]]) -> dict[str, object]:
    """Return a flow as the port takes it."""
    node = {"name": JOB, "queueName": QUEUE}
    below = [{**node, "data": child_id, "opts": {"jobId": child_id, "delay": delay}} for child_id, delay in children]
    return {**node, "data": parent_id, "opts": {"jobId": parent_id}, "children": below}


def listener_of(listener: Callable[[str], object]) -> Callable[[Mapping[str, str], str], object]:
    """Return what listens to an event, of the listener's kind: a coroutine function for a coroutine function."""
    if not inspect.iscoroutinefunction(listener):
        return lambda event, _entry: listener(event["jobId"])

    async def hear(event: Mapping[str, str], _entry: str) -> object:
        return await cast("Awaitable[object]", listener(event["jobId"]))

    return hear


async def clean_up(worker: bullmq.Worker) -> None:
    """Close a worker, and cut short again and again what keeps it from closing.

    A `close` that is still under way when the event loop ends keeps it from ending, for ever; one by force often is.
    """
    closing = asyncio.create_task(worker.close())
    for _ in range(CLEAN_UP_TRIES):
        if (await asyncio.wait({closing}, timeout=1))[0]:
            return
        worker.cancelProcessing()


def as_processor(handler: Handler) -> Callable[[bullmq.Job, str], Awaitable[object]]:
    """Return a processor that calls a test's handler."""
    if not inspect.iscoroutinefunction(handler):
        return lambda job, token: cast("Awaitable[object]", handler(job.data))

    async def process(job: bullmq.Job, token: str) -> object:
        return await cast("Awaitable[object]", handler(job.data))

    return process


def camel(options: Mapping[str, object]) -> dict[str, object]:
    """Return options under the port's names."""
    return {first + "".join(map(str.capitalize, rest)): value for (first, *rest), value in split(options)}


def split(options: Mapping[str, object]) -> list[tuple[list[str], object]]:
    return [(name.split("_"), value) for name, value in options.items()]


@contextmanager
def refusals() -> Generator[None]:
    """Turn every error of the port into Refused: it has no base of its own."""
    try:
        yield
    except Exception as error:
        raise Refused(str(error)) from error
