"""`running_worker` and `run_until_idle`: a real worker in the test's event loop."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import AsyncGenerator, Generator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from typing import Final
from weakref import WeakKeyDictionary

from midday_worker.client.client import JobClient, current_client
from midday_worker.definition.registry import JobRegistry, default_registry
from midday_worker.embedded import EmbeddedRedis
from midday_worker.errors import InvalidInputError, MiddayWorkerError
from midday_worker.settings.settings import Settings, load_settings
from midday_worker.testing.outbox_state import OutboxState
from midday_worker.testing.queue_states import QueueState, QueueStates
from midday_worker.testing.runs import Named, Run, Runs
from midday_worker.workers.plan import Plan, plan_from_settings
from midday_worker.workers.schedule_sync import ScheduleSync
from midday_worker.workers.service import WorkerService

_EVERY_S: Final = 0.002
_STUCK_S: Final = 60.0
"""So long, in real time, nothing may change while jobs wait or run."""

TAKEN: Final = (
    "A test's worker runs on this event loop already, and triggers would go to the wrong one. Leave its block before."
)
_homes: Final[WeakKeyDictionary[asyncio.AbstractEventLoop, list[tuple[str, str]]]] = WeakKeyDictionary()
"""The Redis and the prefix of each worker that runs on an event loop."""


class WorkerEndedError(MiddayWorkerError):
    """The worker of a test ended with work left: a run loop broke, or a job had to be given up. The log says which."""


class RunningWorker:
    """A worker that runs beside the test, and what ran in it.

    Attributes:
        client: adds jobs to its Redis; `trigger` on this event loop uses it.
    """

    def __init__(self, client: JobClient, plan: Plan, runs: Runs, outbox: OutboxState) -> None:
        self.client = client
        self._runs = runs
        self._outbox = outbox
        prefixes = {config.prefix or client.settings.redis_prefix for config in plan.queues}
        self._states = [
            QueueStates(
                client.connection_of(prefix),
                prefix,
                [config for config in plan.queues if (config.prefix or client.settings.redis_prefix) == prefix],
            )
            for prefix in sorted(prefixes)
        ]

    @property
    def runs(self) -> list[Run]:
        """The attempts that have ended, in the order in which they did."""
        return list(self._runs.ended)

    @property
    def failed(self) -> list[Run]:
        """The attempts that raised, with their errors, whether or not the job was tried again."""
        return [run for run in self._runs.ended if run.error is not None]

    def runs_of(self, definition: Named) -> list[Run]:
        """Return the attempts of one job that have ended."""
        return self._runs.of(definition)

    def assert_ran(self, *definitions: Named, times: int | None = None) -> None:
        """Check that each of these jobs has completed, in whatever order.

        Args:
            definitions: the jobs.
            times: exactly how often each; any number from 1 if not given.

        Raises:
            AssertionError: one has not. It says what ran, when, and what failed and why.
        """
        self._runs.assert_ran(definitions, times)

    async def run_until_idle(self) -> None:
        """Wait until no job of the worker's queues runs, is due, or waits and may start; nor is one in the outbox.

        Raises:
            TimeoutError: for a minute nothing changed, while jobs waited or ran.
        """
        seen: tuple[list[QueueState | str], int] | None = None
        since = time.monotonic()
        while busy := await self._busy():
            if seen != (busy, len(self._runs.ended)):
                seen, since = (busy, len(self._runs.ended)), time.monotonic()
            elif time.monotonic() - since > _STUCK_S:
                left = "; ".join(map(str, busy))
                raise TimeoutError(f"For {_STUCK_S:g} s nothing has changed: {left}.\n{self._runs.listed()}")
            await asyncio.sleep(_EVERY_S)

    async def _busy(self) -> list[QueueState | str]:
        """Return what has to be waited for. The outbox comes first: what leaves it is in a queue then."""
        ended = len(self._runs.ended)
        unsent = await self._outbox.unsent()
        now_ms = self._runs.clock() * 1000
        states = [state for state in await self._read_states() if state.is_busy(now_ms)]
        if unsent:
            return [*states, f"outbox: {unsent} rows wait"]
        # One that ended in between may have left a row in the outbox, or a job in a queue, that was looked at before.
        return [*states] if ended == len(self._runs.ended) else [*states, "a job has just ended"]

    async def _read_states(self) -> list[QueueState]:
        return [state for states in self._states for state in await states.read()]


@asynccontextmanager
async def running_worker(
    registry: JobRegistry | None = None, *, settings: Settings | None = None
) -> AsyncGenerator[RunningWorker]:
    """Run a worker in this event loop within the block; then let it finish what it runs.

    Triggers on this event loop, and those of handlers, go to its Redis: that of `settings`, else of REDIS_URL, else
    one that is started for it. Unless `settings` name a prefix, it has one of its own, and its keys are removed.

    Args:
        registry: the jobs; the default registry if not given.
        settings: Redis, database and all else; read from the environment if not given.

    Raises:
        InvalidInputError: another one runs on this event loop, with another Redis or prefix.
        WorkerEndedError: the worker broke, or gave a job up.

    >>> async def test_that_they_are_greeted() -> None:
    ...     async with running_worker() as worker:
    ...         ...  # await greet.trigger("Ada")
    ...         await worker.run_until_idle()
    ...         ...  # worker.assert_ran(greet)
    """
    runs = Runs(time.time)
    async with AsyncExitStack() as stack:
        yield RunningWorker(*await enter_worker(stack, registry, await own_settings(stack, settings), runs))


async def run_until_idle(registry: JobRegistry | None = None, *, settings: Settings | None = None) -> list[Run]:
    """Run a worker until no job of its queues waits, runs or is due; return the attempts that it made.

    Args:
        registry: the jobs; the default registry if not given.
        settings: Redis, prefix and all else; those of the client that `trigger` uses here, if not given.

    Raises:
        TimeoutError: for a minute nothing changed, while jobs waited or ran.
        WorkerEndedError: the worker broke, or gave a job up.
    """
    runs = Runs(time.time)
    async with AsyncExitStack() as stack:
        entered = await enter_worker(stack, registry, settings or current_client().settings, runs)
        await RunningWorker(*entered).run_until_idle()
        return runs.ended


async def own_settings(stack: AsyncExitStack, given: Settings | None) -> Settings:
    """Return settings that name a Redis, which is started if none is named, and a prefix; `stack` removes both."""
    settings = given or load_settings()
    changes: dict[str, object] = {}
    if "redis_url" not in settings.model_fields_set:
        server = EmbeddedRedis()
        stack.callback(server.stop)
        await asyncio.to_thread(server.start)
        changes["redis_url"] = server.url
    if given is not None and "redis_prefix" in given.model_fields_set:
        return Settings(env_file=None, **{**settings.revealed(), **changes})
    changes["redis_prefix"] = prefix = f"test-{secrets.token_hex(6)}"
    chosen = Settings(env_file=None, **{**settings.revealed(), **changes})
    cleaner = await stack.enter_async_context(JobClient(chosen))
    stack.push_async_callback(QueueStates(cleaner.connection, prefix, ()).forget)
    return chosen


async def enter_worker(
    stack: AsyncExitStack, registry: JobRegistry | None, settings: Settings, runs: Runs
) -> tuple[JobClient, Plan, Runs, OutboxState]:
    """Start a worker; `stack` ends it. Return what a `RunningWorker` is made of."""
    stack.enter_context(_home_of(settings))
    jobs = default_registry if registry is None else registry
    plan = plan_from_settings(jobs, settings)
    client = await stack.enter_async_context(JobClient(settings))
    outbox = OutboxState(client)
    stack.push_async_callback(outbox.dispose)
    if settings.schedules:
        await ScheduleSync(jobs, settings, client).reconcile()
    service = WorkerService(jobs, plan, settings.model_copy(update={"schedules": False}), around=runs.around)
    await stack.enter_async_context(_serving(service))
    return client, plan, runs, outbox


@contextmanager
def _home_of(settings: Settings) -> Generator[None]:
    """Keep an event loop to one Redis and one prefix while a worker of it runs."""
    home = (settings.redis_url.get_secret_value(), settings.redis_prefix)
    homes = _homes.setdefault(asyncio.get_running_loop(), [])
    if any(other != home for other in homes):
        raise InvalidInputError(f"{TAKEN} Or give both settings= with one redis_prefix.")
    homes.append(home)
    try:
        yield
    finally:
        homes.remove(home)


def is_loop_taken() -> bool:
    """Return whether a test's worker runs on this event loop."""
    return bool(_homes.get(asyncio.get_running_loop()))


@asynccontextmanager
async def _serving(service: WorkerService) -> AsyncGenerator[None]:
    """Run a service within the block. If it ends, the block is interrupted, and what broke it is raised."""
    test, is_over, interrupted = asyncio.current_task(), False, False
    serving = asyncio.create_task(service.run(), name="the test's worker")

    def interrupt(_: asyncio.Task[bool]) -> None:
        nonlocal interrupted
        if not is_over and test is not None:
            interrupted = test.cancel("the test's worker has ended")

    serving.add_done_callback(interrupt)
    try:
        yield
    except asyncio.CancelledError:
        if not interrupted or test is None:
            raise
        test.uncancel()
    finally:
        is_over = True
        service.stop()
        await asyncio.wait({serving})
    if not serving.result() or interrupted:
        raise WorkerEndedError(WorkerEndedError.__doc__)
