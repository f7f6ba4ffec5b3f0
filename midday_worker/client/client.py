"""`JobClient`: what adds jobs to Redis, and the one that a call uses when none is given."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import fields, replace
from types import TracebackType
from typing import Final, Self, TypeVar
from weakref import WeakKeyDictionary

from midday_worker.client.background_loop import BackgroundLoop, process_loop, refuse_running_loop
from midday_worker.client.enqueue_chain import pass_flows, pass_many, pass_one
from midday_worker.client.producer_spans import add_flows_traced, add_many_traced, add_traced, schedule_traced
from midday_worker.engine.acts.acts import Acts
from midday_worker.engine.following.events import QueueEvents
from midday_worker.engine.following.waiter import Waiter
from midday_worker.engine.job.job import Job
from midday_worker.engine.job.threads import in_thread
from midday_worker.engine.producer.flow import add_flows
from midday_worker.engine.producer.queue import Progress, Queue
from midday_worker.engine.producer.schedule import (
    Recurrence,
    Schedule,
    find_schedule,
    list_schedules,
    remove_schedule,
    upsert_schedule,
)
from midday_worker.engine.redis.access import Access
from midday_worker.engine.redis.connection import Connection, RedisConfig
from midday_worker.engine.redis.connections import Connections
from midday_worker.engine.redis.error_translation import UNREACHABLE, translated
from midday_worker.errors import ClientClosedError, ConfigurationError
from midday_worker.queues import QueueLike, default_queues
from midday_worker.request import JobRequest, refuse_same_ids
from midday_worker.settings.settings import Settings, load_settings

T = TypeVar("T")


class JobClient:
    """Adds jobs to the queues of one Redis, and looks at them. Belongs to the event loop it is first used on.

    Within `async with JobClient(...)` every `trigger` on this event loop uses it.

    Args:
        settings: where Redis is; read from the environment if not given.

    >>> async def main() -> None:
    ...     async with JobClient(Settings(environment="production")):
    ...         ...  # await my_job.trigger(...)
    """

    is_recording = False
    """Whether it only keeps what is added, for a test."""

    def __init__(self, settings: Settings | None = None) -> None:
        self.settings: Settings = settings or load_settings()
        self._connections = Connections(redis_config(self.settings))
        self._queues: dict[tuple[str, str], Queue] = {}
        self._events: dict[Queue, QueueEvents] = {}
        self._closed = False

    async def __aenter__(self) -> Self:
        _clients.enter(self)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        _clients.leave(self)
        await self.close()

    @staticmethod
    def sync(settings: Settings | None = None) -> SyncJobClient:
        """Return a client for `my_job.sync.trigger(...)` in programs without an event loop: Django, Flask, a script.

        Within `with` every `.sync` call of the process uses it, in all threads, and in a forked process with a
        connection of its own.

        >>> with JobClient.sync(Settings(environment="production")) as client:
        ...     pass  # my_job.sync.trigger(...)
        """
        chosen = settings or load_settings()
        return SyncJobClient(lambda: JobClient(chosen))

    @property
    def connection(self) -> Connection:
        """The connection, made on first use. Raises ClientClosedError after `close`."""
        return self.connection_of(None)

    def connection_of(self, prefix: str | None) -> Connection:
        """Return the connection for the queues of a prefix, as `connection`; None is REDIS_PREFIX."""
        if self._closed:
            raise ClientClosedError
        return self._connections.of(prefix)

    def queue(self, queue: QueueLike) -> Queue:
        """Return the engine's queue of this name, under its own prefix if it is declared with one."""
        known = default_queues.get(queue) if isinstance(queue, str) else queue
        return self.queue_at(known.prefix, known.name)

    def queue_at(self, prefix: str | None, name: str) -> Queue:
        """Return the engine's queue of this name under a prefix; None is REDIS_PREFIX."""
        prefix = prefix or self._connections.config.prefix
        found = self._queues.get((prefix, name))
        if found is None or self._closed:
            found = self._queues[prefix, name] = Queue(name, self.connection_of(prefix), prefix)
        return found

    def acts(self, queue: QueueLike) -> Acts:
        """Return the acts on the jobs of this queue."""
        return Acts(self.queue(queue))

    def enqueue(self, request: JobRequest) -> Awaitable[str]:
        """Add one job; return its id. The request is checked at once."""
        if request.source.middleware.enqueue:
            return pass_one(request, self._add)
        return self._add(request)

    async def enqueue_many(self, requests: Sequence[JobRequest], on_progress: Progress | None = None) -> list[str]:
        """Add jobs of one queue; return their ids in order. All are checked before the first is added."""
        if any(request.source.middleware.enqueue for request in requests):
            return await pass_many(requests, lambda passed: self._add_many(passed, on_progress))
        return await self._add_many(requests, on_progress)

    async def enqueue_flows(self, roots: Sequence[JobRequest], on_progress: Progress | None = None) -> list[list[str]]:
        """Add trees of jobs, each in one transaction; return their ids, parents first. All are checked before."""
        if any(node.source.middleware.enqueue for root in roots for node in root.tree()):
            return await pass_flows(roots, lambda passed: self._add_flows(passed, on_progress))
        return await self._add_flows(roots, on_progress)

    async def schedule(self, schedule_id: str, when: Recurrence, request: JobRequest) -> None:
        """Create or replace a recurring job."""

        async def write(passed: JobRequest) -> str:
            await self.write_schedule(schedule_id, when, passed)
            return schedule_id

        if request.source.middleware.enqueue:
            await pass_one(request, write, schedule_id)
        else:
            await write(request)

    async def schedule_request(self, schedule_id: str, request: JobRequest) -> JobRequest:
        """Return what a schedule's middleware passes on, and write nothing."""
        passed = [request]

        async def keep(each: JobRequest) -> str:
            passed.append(each)
            return schedule_id

        if request.source.middleware.enqueue:
            await pass_one(request, keep, schedule_id)
        return passed[-1]

    async def write_schedule(self, schedule_id: str, when: Recurrence, request: JobRequest) -> None:
        """Create or replace a recurring job, whose request has passed its middleware."""
        # A deadline would be the same moment for every run.
        await self._write_schedule(schedule_id, when, replace(request, deadline_ms=None))

    async def find_schedule(self, queue: QueueLike, schedule_id: str) -> Schedule | None:
        """Return a recurring job of the queue, or None."""
        return await find_schedule(self.queue(queue), schedule_id)

    async def schedules(self, queue: QueueLike) -> list[Schedule]:
        """Return the queue's recurring jobs, the next to fire first."""
        return await list_schedules(self.queue(queue))

    async def remove_schedule(self, queue: QueueLike, schedule_id: str) -> bool:
        """Remove a recurring job and its next run; False if there was none."""
        return await remove_schedule(self.queue(queue), schedule_id)

    async def find(self, queue: QueueLike, job_id: str) -> Job | None:
        """Return a job, or None if Redis doesn't hold it."""
        return await self.queue(queue).find(job_id)

    async def state(self, queue: QueueLike, job_id: str) -> str:
        """Return a job's state as BullMQ names it; "unknown" if Redis doesn't hold it."""
        with translated(f"read the state of job {job_id}"):
            return str(await self.queue(queue).getJobState(job_id))

    async def attempts(self, queue: QueueLike, job_id: str) -> int | None:
        """Return how often a job has been tried, a running attempt not counted; None if Redis doesn't hold it."""
        job = await self.find(queue, job_id)
        return None if job is None else job.attemptsMade

    async def logs(self, queue: QueueLike, job_id: str, start: int = 0, end: int = -1) -> list[str]:
        """Return the rows of a job's log, or those from one index to another."""
        return await self.queue(queue).read_log(job_id, start, end)

    async def newest_log(self, queue: QueueLike, job_id: str, most: int) -> tuple[list[str], int]:
        """Return the newest rows of a job's log, and how many there are in all."""
        return await self.queue(queue).newest_log(job_id, most)

    def wait_for(self, queue: QueueLike, job_id: str, on_progress: Callable[[str], None] | None = None) -> Waiter:
        """Return a waiter for the job's end; all of a queue share one connection.

        Args:
            queue: the job's queue.
            job_id: the job.
            on_progress: called with each progress as JSON text, the present one first.
        """
        known = self.queue(queue)
        events = self._events.get(known)
        if events is None:
            events = self._events[known] = QueueEvents(known, self._connections.config_of(known.prefix))
        return events.wait(job_id, on_progress)

    async def close(self) -> None:
        """Close the connections. Safe to call twice."""
        self._closed = True
        for events in self._events.values():
            await events.close()
        self._events.clear()
        self._queues.clear()
        with suppress(*UNREACHABLE):
            await self._connections.close()

    def check(self, request: JobRequest) -> None:
        """Raise PayloadError if a payload is too large, lacks a key, or, outside production, doesn't survive JSON."""
        request.check_stored(self.settings.max_payload_bytes)
        if self.settings.environment != "production":
            request.check_travels()

    def _add(self, request: JobRequest) -> Awaitable[str]:
        """Add one job, when all that is around it has been passed."""
        self.check(request)
        return add_traced(request, self._queue_of(request).add_request)

    async def _add_many(self, requests: Sequence[JobRequest], on_progress: Progress | None) -> list[str]:
        for request in requests:
            self.check(request)
        refuse_same_ids(requests)
        if not requests:
            return []
        queue = self._queue_of(requests[0])
        return await add_many_traced(requests, lambda traced: queue.add_requests(traced, on_progress))

    async def _add_flows(self, roots: Sequence[JobRequest], on_progress: Progress | None) -> list[list[str]]:
        for root in roots:
            self.check(root)
        return await add_flows_traced(roots, lambda traced: add_flows(traced, self._queue_of, on_progress))

    async def _write_schedule(self, schedule_id: str, when: Recurrence, request: JobRequest) -> None:
        self.check(request)
        queue = self._queue_of(request)
        await schedule_traced(schedule_id, request, lambda traced: upsert_schedule(queue, schedule_id, when, traced))

    def _queue_of(self, request: JobRequest) -> Queue:
        return self.queue_at(request.source.prefix, request.queue)


class SyncJobClient:
    """A client whose calls block, for any thread that runs no event loop.

    Within `with JobClient.sync(...)` every `.sync` call of the process uses it. All threads share one connection; a
    process forked later makes its own.

    Args:
        make: makes the client that does the work.
    """

    def __init__(self, make: Callable[[], JobClient]) -> None:
        self._make = make
        self._made: dict[BackgroundLoop, JobClient] = {}
        self._closed = False

    def __enter__(self) -> Self:
        process_loop.add(self._enter)  # it makes no loop: perhaps nobody calls
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        refuse_running_loop()
        process_loop.remove(self._enter)
        self._closed = True
        loop = process_loop.existing()
        client = None if loop is None else self._made.get(loop)
        if loop is not None and client is not None:
            loop.run(lambda: client.__aexit__(kind, error, trace))

    def run(self, call: Callable[[JobClient], Awaitable[T]]) -> T:
        """Make an asynchronous call with the client, and wait for its outcome.

        Raises:
            RunningLoopError: this thread runs an event loop: await the call there.
            ClientClosedError: the client is closed.
        """
        loop = process_loop.get()

        async def made() -> T:
            return await call(self._client(loop))

        return loop.run(made)

    def close(self) -> None:
        """Close the connections. Safe to call twice."""
        refuse_running_loop()
        self._closed = True
        loop = process_loop.existing()
        client = None if loop is None else self._made.get(loop)
        if loop is not None and client is not None:
            loop.run(client.close)

    async def _enter(self, loop: BackgroundLoop) -> None:
        await self._client(loop).__aenter__()

    def _client(self, loop: BackgroundLoop) -> JobClient:
        # On the loop's thread only: no two threads make two.
        if self._closed:
            raise ClientClosedError
        client = self._made.get(loop)
        if client is None:  # one of the parent process stays where it is: closing it here would be to touch its socket
            client = self._made[loop] = self._make()
        return client


@asynccontextmanager
async def blocking_calls(settings: Settings) -> AsyncGenerator[None]:
    """Make every `.sync` call of the process, as of handlers in threads, use these settings within the block."""
    client = JobClient.sync(settings)
    await in_thread(client.__enter__)  # on an event loop it is refused
    try:
        yield
    finally:
        await in_thread(client.__exit__, None, None, None)


def redis_config(settings: Settings) -> RedisConfig:
    """Return the engine's view of the settings. Raises ConfigurationError if they don't go together."""
    if settings.redis_wait_replicas and not settings.redis_pipelining:
        raise ConfigurationError("REDIS_WAIT_REPLICAS needs REDIS_PIPELINING=true: one connection for add and WAIT.")
    return RedisConfig(
        url=settings.redis_url.get_secret_value(),
        prefix=settings.redis_prefix,
        command_timeout_ms=settings.redis_command_timeout,
        pipelining=settings.redis_pipelining,
        access=Access(**{field.name: getattr(settings, f"redis_{field.name}") for field in fields(Access)}),
        wait_replicas=settings.redis_wait_replicas,
    )


class _Clients:
    """The clients of each event loop: those entered, innermost last, and the one made on first use."""

    def __init__(self) -> None:
        self._entered: WeakKeyDictionary[asyncio.AbstractEventLoop, list[JobClient]] = WeakKeyDictionary()
        self._made: WeakKeyDictionary[asyncio.AbstractEventLoop, JobClient] = WeakKeyDictionary()
        self.stand_in: JobClient | None = None

    def enter(self, client: JobClient) -> None:
        self._entered.setdefault(asyncio.get_running_loop(), []).append(client)

    def leave(self, client: JobClient) -> None:
        self._entered.get(asyncio.get_running_loop(), []).remove(client)

    def current(self) -> JobClient:
        if self.stand_in is not None:
            return self.stand_in
        loop = asyncio.get_running_loop()
        if entered := self._entered.get(loop):
            return entered[-1]
        client = self._made.get(loop)
        if client is None:
            client = self._made[loop] = JobClient()
        return client

    async def close(self) -> None:
        client = self._made.pop(asyncio.get_running_loop(), None)
        if client is not None:
            await client.close()


_clients: Final = _Clients()


def current_client() -> JobClient:
    """Return the client entered with `async with` on this event loop, else one made on first use."""
    return _clients.current()


@contextmanager
def stand_in(client: JobClient) -> Generator[None]:
    """Make every call that names no client use this one, on every event loop.

    For tests: an app under test may run on a loop of its own, and enter a client of its own.
    """
    before, _clients.stand_in = _clients.stand_in, client
    try:
        yield
    finally:
        _clients.stand_in = before


async def close_clients() -> None:
    """Close the client that this event loop's calls made on first use. Call it when the program ends."""
    await _clients.close()
