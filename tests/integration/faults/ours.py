"""`Ours`: this library, as its users call it."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Sequence
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime
from typing import cast

from midday_worker import (
    FlowItem,
    JobClient,
    JobContext,
    JobDefinition,
    JobHandle,
    JobRegistry,
    JobRequest,
    MiddayWorkerError,
    ScheduleHandle,
    Settings,
    SyncJobContext,
    job,
)
from midday_worker.admin import clean_jobs, read_jobs
from midday_worker.engine.job.interruption import end_all
from midday_worker.engine.worker.config import WorkerConfig
from tests.integration.crew import Crew
from tests.integration.faults.engine import JOB, QUEUE, Handler, Refused, Terms


class OurWork:
    """A crew of one worker."""

    def __init__(self, crew: Crew) -> None:
        self._worker = crew.worker

    async def stop(self, within_s: float = 30) -> None:
        """Drain."""
        await self._worker.drain(within_s)

    async def force(self) -> None:
        """Drain with no time for it."""
        await self._worker.drain(0)

    def listen(self, event: str, listener: Callable[..., object]) -> None:
        """Listen on the emitter that a handler reaches through `ctx.job.queue`; it is no part of the API."""
        self._worker.queue.on(event, listener)


class Ours:
    """A client, and crews made of handlers."""

    def __init__(self, url: str, prefix: str) -> None:
        self._settings = Settings(env_file=None, redis_url=url, redis_prefix=prefix)
        self._client = JobClient(self._settings)

    async def add(self, data: object, *, queue: str = QUEUE, **options: object) -> str:
        """Trigger a job."""
        trigger = cast("Callable[..., Awaitable[JobHandle[None]]]", define(queue).trigger)
        with refusals():
            return (await trigger(data, client=self._client, **options)).id

    async def add_many(self, data: Sequence[object], **options: object) -> list[str]:
        """Trigger a batch."""
        trigger = cast("Callable[..., Awaitable[list[JobHandle[None]]]]", define().batch_trigger)
        with refusals():
            handles = await trigger([{"payload": each, "options": options} for each in data], client=self._client)
        return [handle.id for handle in handles]

    async def add_flow(self, parent_id: str, children: Sequence[tuple[str, int]]) -> None:
        """Trigger a flow."""
        definition = define()
        with refusals():
            nodes: list[JobRequest] = [
                definition.node(child_id, job_id=child_id, delay=delay) for child_id, delay in children
            ]
            await definition.trigger_flow(parent_id, nodes, job_id=parent_id, client=self._client)

    async def add_flows(self, flows: Sequence[tuple[str, Sequence[tuple[str, int]]]]) -> None:
        """Trigger a batch of flows."""
        definition = define()
        with refusals():
            items: list[FlowItem[object]] = [
                {
                    "payload": parent_id,
                    "children": [definition.node(each, job_id=each, delay=delay) for each, delay in children],
                    "options": {"job_id": parent_id},
                }
                for parent_id, children in flows
            ]
            await definition.batch_trigger_flow(items, client=self._client)

    async def remove_waiting(self) -> None:
        """Clean the queue as the command line does."""
        await clean_jobs(self._client.queue(QUEUE), "waiting")

    def listen(self, event: str, listener: Callable[..., object]) -> None:
        """Listen on the queue's emitter; it is no part of the API."""
        self._client.queue(QUEUE).on(event, listener)

    @asynccontextmanager
    async def following(self, job_ids: Sequence[str], listener: Callable[[str], object]) -> AsyncGenerator[None]:
        """Wait for each by its handle, as there are no listeners."""
        following = [asyncio.create_task(self._follow(job_id, listener)) for job_id in job_ids]
        yield
        await end_all(following)

    async def _follow(self, job_id: str, listener: Callable[[str], object]) -> None:
        await define().handle(job_id, client=self._client).result()
        called = listener(job_id)
        if inspect.isawaitable(called):
            await called

    async def state(self, job_id: str) -> str:
        """Ask the client."""
        return await self._client.state(QUEUE, job_id)

    async def waiting(self) -> list[str]:
        """Read them as the command line does."""
        return [each.id for each in await read_jobs(self._client.queue(QUEUE), ["waiting"])]

    async def schedule(self, schedule_id: str, **when: object) -> None:
        """Trigger a recurring job."""
        trigger = cast("Callable[..., Awaitable[object]]", define().trigger_recurring)
        pattern = when.pop("pattern", None)
        if isinstance(start_ms := when.pop("start_ms", None), int):
            when["start"] = datetime.fromtimestamp(start_ms / 1000, UTC)
        with refusals():
            await trigger("tick", pattern, schedule_id=schedule_id, client=self._client, **when)

    async def next_run(self, schedule_id: str) -> datetime | None:
        """Ask the schedule's handle."""
        return await ScheduleHandle(schedule_id, JOB, QUEUE, self._client, define()).next_run()

    @asynccontextmanager
    async def working(self, handler: Handler, terms: Terms = Terms()) -> AsyncGenerator[OurWork]:  # noqa: B008 - frozen
        """Work the queue in a crew."""
        registry = JobRegistry()
        # As an untyped caller does: of either kind.
        job(
            JOB,
            object,
            cast("Callable[[object, SyncJobContext], object]", as_job(handler)),
            queue=terms.queue,
            registry=registry,
        )
        config = WorkerConfig(queue=terms.queue, concurrency=terms.concurrency, rate_limit=terms.limit)
        if terms.lock_ms is not None:
            config = WorkerConfig(
                queue=terms.queue,
                concurrency=terms.concurrency,
                rate_limit=terms.limit,
                lock_duration_ms=terms.lock_ms,
                stalled_interval_ms=terms.lock_ms // 3,
            )
        async with Crew(registry, self._settings, configs=(config,)) as crew:
            yield OurWork(crew)

    async def close(self) -> None:
        """Close the client."""
        await self._client.close()


def define(queue: str = QUEUE) -> JobDefinition[object, None]:
    """Return the definition that adds jobs: its handler is another one's matter."""
    return job(JOB, object, lambda data, ctx: None, queue=queue, registry=JobRegistry())


def as_job(
    handler: Handler,
) -> Callable[[object, JobContext], Awaitable[object]] | Callable[[object, SyncJobContext], object]:
    """Return a job's handler that calls a test's."""
    if not inspect.iscoroutinefunction(handler):
        return lambda data, ctx: handler(data)

    async def handle(data: object, ctx: JobContext) -> object:
        return await cast("Awaitable[object]", handler(data))

    return handle


@contextmanager
def refusals() -> Generator[None]:
    """Turn this library's errors into Refused."""
    try:
        yield
    except MiddayWorkerError as error:
        raise Refused(str(error)) from error
